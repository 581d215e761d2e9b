import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { EndpointRow } from "../../src/top/endpoint-columns.ts";
import { renderScreen, type ScreenState, type View } from "../../src/top/screen.ts";

type Sampled = EndpointRow["signals"]["waitingRequests"];

const sampled = (value: number | null, source: Sampled["source"] = "scraped"): Sampled => ({
  value,
  scraped: source === "blended" ? null : value,
  ageMs: value === null || source === "blended" ? null : 20,
  correction: 0,
  confidence: source === "blended" ? 0 : 1,
  source,
});

function row(name: string, traits: Partial<EndpointRow> = {}, load: Partial<EndpointRow["signals"]> = {}): EndpointRow {
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

const adapters = { running: ["sql", "chat"], waiting: ["code"], maxAdapters: 4, ageMs: 20, source: "scraped" as const };
const unknown = {
  waitingRequests: sampled(null, "unknown"),
  runningRequests: sampled(null, "unknown"),
  kvCacheRatio: sampled(null, "unknown"),
};

const pool = [
  row("vllm-0", {}, { adapters }),
  row(
    "vllm-1",
    { drift: -2, shareLastMinute: null, slowStart: "ahead" },
    { waitingRequests: sampled(1.25, "blended") },
  ),
  row("a-very-long-name-of-a-pod-7f6d5b-x2x9p", { lastResort: true, drift: null }, unknown),
];

const decision = {
  sequence: 1,
  requestId: "request-1",
  decidedAt: "2026-01-02T03:04:05.678Z",
  decidedAtMs: 1,
  model: "base",
  targetModel: "base",
  outcome: "forwarded" as const,
  endpoint: "default/vllm-0",
  destination: "10.0.0.7:8000",
  reason: null,
  status: null,
  candidates: 3,
  total: 4.5,
  margin: 1.25,
  choice: "greatest-total" as const,
};
const refused = { ...decision, endpoint: null, status: 429, reason: "rejected-saturated", margin: null, total: null };

function screen(endpoints: readonly EndpointRow[], more: Partial<ScreenState> = {}): ScreenState {
  const common = { schemaVersion: 1 as const, now: "2026-01-02T03:04:06.000Z", nowMs: 1000 };
  return {
    address: "127.0.0.1:9090",
    answered: {
      endpoints: { ...common, configRevision: "dd5b300bb2d2", endpoints: [...endpoints] },
      decisions: {
        ...common,
        kept: { records: 2, bytes: 1000, spanSeconds: 32, maxRecords: 20_000, maxBytes: 33_554_432 },
        decisions: [decision, { ...refused, requestId: "request-2" }],
      },
    },
    problem: undefined,
    view: "endpoints",
    sortedBy: "",
    chosen: 0,
    story: "",
    ...more,
  };
}

const foot = "d decisions  s sort  ? help  q quit   + moved  ~ blended  # total";

test("the table of endpoints at 80 columns leaves out what matters least", () => {
  assert.deepEqual(renderScreen(screen(pool), { columns: 80, rows: 24 }), [
    "epp top  127.0.0.1:9090  3 endpoints  3.0 req/s  ring 32 s  config dd5b300bb2d2",
    "",
    "endpoint         waiting  running     KV      age   own share  hits state",
    "vllm-0                 2+       7  31.0%    20 ms     3 25.0% 50.0%",
    "vllm-1               1.3~       7  31.0%    20 ms     3     - 50.0% stale+",
    "a-very-..b-x2x9p       -        -      -        -     3 25.0% 50.0% last resort+",
    "",
    foot,
  ]);
});

test("README.md shows the screen as it is drawn", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const picture = renderScreen(screen(pool), { columns: 80, rows: 24 }).join("\n");
  assert.ok(readme.includes(`<!-- top -->\n\`\`\`\n${picture}\n\`\`\`\n<!-- /top -->`));
});

test("the table of endpoints at 160 columns has everything", () => {
  assert.deepEqual(renderScreen(screen(pool), { columns: 160, rows: 24 }).slice(2, 6), [
    "endpoint                                waiting   running      KV       age    own   drift  share   hits  state         adapters             address",
    "vllm-0                                        2+        7   31.0%     20 ms      3       0  25.0%  50.0%                2/4 sql chat (code)  10.0.0.7:8000",
    "vllm-1                                      1.3~        7   31.0%     20 ms      3      -2      -  50.0%  stale+        -                    10.0.0.7:8000",
    "a-very-long-name-of-a-pod-7f6d5b-x2x9p        -         -       -         -      3       -  25.0%  50.0%  last resort+  -                    10.0.0.7:8000",
  ]);
});

test("endpoints are sorted by a column, the greatest first, what is unknown last", () => {
  const names = (sortedBy: string): string[] =>
    renderScreen(screen(pool, { sortedBy }), { columns: 80, rows: 24 })
      .slice(3, 6)
      .map((line) => line.slice(0, 6));
  assert.deepEqual(names("waiting "), ["vllm-0", "vllm-1", "a-very"]);
  assert.deepEqual(names("endpoint"), ["a-very", "vllm-0", "vllm-1"]);
});

test("200 endpoints are cut to the terminal's rows, saying how many are not shown", () => {
  const many = Array.from({ length: 200 }, (_, i) => row(`vllm-${i}`));
  const lines = renderScreen(screen(many), { columns: 80, rows: 24 });
  assert.equal(lines.length, 24);
  assert.equal(lines.at(-3), ".. 182 more");
});

test("the last decisions, the chosen one marked, refusals with their reason", () => {
  const lines = renderScreen(screen(pool, { view: "decisions", chosen: 1 }), { columns: 140, rows: 24 });
  assert.match(lines[3] ?? "", /^ {2}03:04:05\.678 +request-1 +vllm-0 +base +1\.250 +greatest +4\.500/);
  assert.match(lines[4] ?? "", /^> 03:04:05\.678 +request-2 +refused: 429 rejected-saturated/);
});

test("a story that is wider than the terminal is folded, not cut", () => {
  const story = `${"x".repeat(70)} = points`;
  const lines = renderScreen(screen(pool, { view: "story", story }), { columns: 40, rows: 24 });
  assert.equal(lines.slice(2, -2).join("").replaceAll(/\s/g, ""), story.replaceAll(/\s/g, ""));
});

test("an empty pool, no decision and no answer are said in words", () => {
  const empty = screen([]);
  assert.match(renderScreen(empty, { columns: 80, rows: 24 })[2] ?? "", /no endpoint/);
  const silent = screen([], { answered: undefined, problem: "Cannot reach a picker" });
  assert.deepEqual(renderScreen(silent, { columns: 80, rows: 24 }).slice(0, 2), [
    "epp top  127.0.0.1:9090  waiting for an answer",
    "! Cannot reach a picker",
  ]);
});

test("no line is wider than the terminal, none moves its cursor, whatever names there are", () => {
  const view = fc.constantFrom<View>("endpoints", "decisions", "story", "help");
  const name = fc.string({ unit: "binary", maxLength: 60 });
  fc.assert(
    fc.property(
      name,
      view,
      fc.integer({ min: 20, max: 200 }),
      fc.integer({ min: 5, max: 50 }),
      (id, shown, columns, rows) => {
        const lines = renderScreen(screen([row(id), ...pool], { view: shown, story: "story" }), { columns, rows });
        assert.ok(lines.length <= rows);
        for (const line of lines) {
          assert.ok(line.length <= columns, line);
          assert.doesNotMatch(line, /[\p{Cc}\p{Zl}\p{Zp}]/u);
        }
      },
    ),
  );
});
