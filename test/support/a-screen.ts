import type { SignalsRecord } from "../../src/decisions/decision-record.ts";
import type { DecisionRow } from "../../src/top/decision-columns.ts";
import type { EndpointRow } from "../../src/top/endpoint-columns.ts";
import type { ScreenState } from "../../src/top/screen.ts";

type Sampled = SignalsRecord["waitingRequests"];

/** A signal as a page has it, 20 ms old. */
export const sampled = (value: number | null, source: Sampled["source"] = "scraped"): Sampled => ({
  value,
  scraped: source === "blended" ? null : value,
  ageMs: value === null || source === "blended" ? null : 20,
  correction: 0,
  confidence: source === "blended" ? 0 : 1,
  source,
});

/** An endpoint as a page has it. */
export function anEndpointRow(
  name: string,
  traits: Partial<EndpointRow> = {},
  load: Partial<EndpointRow["signals"]> = {},
): EndpointRow {
  return {
    id: `default/${name}`,
    address: "10.0.0.7:8000",
    labels: {},
    inFlightRequests: 3,
    prefillTokens: 0,
    lastResort: false,
    slowStart: null,
    drift: 0,
    picksLastMinute: 60,
    shareLastMinute: 0.25,
    prefixHitShareLastMinute: 0.5,
    ...traits,
    signals: {
      waitingRequests: sampled(2, "corrected"),
      runningRequests: sampled(7),
      kvCacheRatio: sampled(0.31),
      adapters: null,
      cache: null,
      ...load,
    },
  };
}

const decision: DecisionRow = {
  sequence: 1,
  requestId: "request-1",
  decidedAt: "2026-01-02T03:04:05.678Z",
  decidedAtMs: 1,
  model: "base",
  targetModel: "base",
  outcome: "forwarded",
  endpoint: "default/vllm-0",
  destination: "10.0.0.7:8000",
  reason: null,
  status: null,
  candidates: 3,
  total: 4.5,
  margin: 1.25,
  choice: "greatest-total",
};

/** A decision as a page has it, decided 999 ms before the page was made. */
export function aDecision(traits: Partial<DecisionRow> = {}): DecisionRow {
  return { ...decision, ...traits };
}

/** A screen of `epp top` about these endpoints and decisions. */
export function aScreen(
  endpoints: readonly EndpointRow[],
  more: Partial<ScreenState> = {},
  decisions: readonly DecisionRow[] = [],
): ScreenState {
  const common = { schemaVersion: 1 as const, now: "2026-01-02T03:04:06.000Z", nowMs: 1000 };
  return {
    address: "127.0.0.1:9090",
    answered: {
      endpoints: { ...common, configRevision: "dd5b300bb2d2", pool: "llama", endpoints: [...endpoints] },
      decisions: {
        ...common,
        kept: { records: 2, bytes: 1000, spanSeconds: 32, maxRecords: 20_000, maxBytes: 33_554_432 },
        decisions: [...decisions],
      },
    },
    problem: undefined,
    view: "endpoints",
    sortedBy: "",
    chosen: undefined,
    scroll: 0,
    typed: undefined,
    story: "",
    ...more,
  };
}
