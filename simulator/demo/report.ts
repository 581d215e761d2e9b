import type { Outcome } from "../load/client.ts";
import { type Percentiles, percentiles, round } from "./statistics.ts";

/** Who routes: Envoy's two own ways, which need no picker, then the picker. The demo runs them in this order. */
export const armNames = ["round-robin", "least-request", "picker"] as const;
export type ArmName = (typeof armNames)[number];

/** How one arm went. */
export interface ArmReport {
  readonly name: ArmName;
  readonly requests: number;
  /** Requests that failed; they have no part in the percentiles. */
  readonly errors: number;
  /** From the intended arrival to the first token. */
  readonly ttftMs: Percentiles;
  /** From the intended arrival to the last byte. */
  readonly e2eMs: Percentiles;
  /** Over the time from the first arrival to the last answer's end. */
  readonly outputTokensPerSecond: number;
  /** Prompt tokens that came from a server's prefix cache over all prompt tokens, 0..1. */
  readonly prefixHitRatio: number;
  /** Share of the answered requests by endpoint, every endpoint of the pool in order; sums to 1. */
  readonly share: Readonly<Record<string, number>>;
}

/** What `epp demo --json` prints. */
export interface DemoReport {
  readonly envoy: { readonly version: string };
  readonly servers: number;
  readonly seed: number;
  readonly load: string;
  /** Length of the load of each arm. */
  readonly seconds: number;
  /** Requests per second that the pool completes when saturated, computed. */
  readonly capacity: number;
  /** Requests per second that each arm was sent. */
  readonly offered: number;
  readonly arms: readonly ArmReport[];
  /** The picker's time from the end of a request's body to its answer, from the histogram on its metrics page. */
  readonly decisionMs: { readonly p50: number; readonly p99: number };
}

/** Sums up the outcomes of an arm that ran for `elapsedMs`. */
export function summarizeArm(
  name: ArmName,
  outcomes: readonly Outcome[],
  endpoints: readonly string[],
  elapsedMs: number,
): ArmReport {
  const good = outcomes.filter(({ error }) => error === undefined);
  const sum = (read: (outcome: Outcome) => number): number => good.reduce((total, outcome) => total + read(outcome), 0);
  const shareOf = (endpoint: string): number =>
    good.filter((outcome) => outcome.endpoint === endpoint).length / good.length;
  return {
    name,
    requests: outcomes.length,
    errors: outcomes.length - good.length,
    ttftMs: percentiles(good.map(({ ttftMs }) => ttftMs)),
    e2eMs: percentiles(good.map(({ e2eMs }) => e2eMs)),
    outputTokensPerSecond: round((sum(({ outputTokens }) => outputTokens) * 1000) / elapsedMs, 1),
    prefixHitRatio: round(sum(({ cachedTokens }) => cachedTokens) / sum(({ promptTokens }) => promptTokens), 4),
    share: Object.fromEntries(endpoints.map((endpoint) => [endpoint, round(shareOf(endpoint), 4)])),
  };
}

/** Why requests failed, each reason once with its count. */
export function countFailures(outcomes: readonly Outcome[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { error } of outcomes) if (error !== undefined) counts.set(error, (counts.get(error) ?? 0) + 1);
  return counts;
}
