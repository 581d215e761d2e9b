import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { EndpointRow } from "../../src/top/endpoint-columns.ts";
import { renderScreen, type ScreenState, type View } from "../../src/top/screen.ts";
import { aDecision, anEndpointRow as row, aScreen, sampled } from "../support/a-screen.ts";

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

const decisions = [
  aDecision({ sequence: 2 }),
  aDecision({
    sequence: 1,
    requestId: "request-2",
    endpoint: null,
    status: 429,
    reason: "rejected-saturated",
    margin: null,
    total: null,
  }),
];
const screen = (endpoints: readonly EndpointRow[], more: Partial<ScreenState> = {}): ScreenState =>
  aScreen(endpoints, more, decisions);

const foot = "d decisions  s sort  / find  ? help  q quit   + moved  ~ blended  # total";

test("the table of endpoints at 80 columns leaves out what matters least", () => {
  assert.deepEqual(renderScreen(screen(pool), { columns: 80, rows: 24 }), [
    "epp top  127.0.0.1:9090  pool llama  3 endpoints  2.0 req/s  ring 32 s",
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

test("endpoints scroll, the head of the table stays", () => {
  const many = Array.from({ length: 200 }, (_, i) => row(`vllm-${i}`));
  const lines = renderScreen(screen(many, { scroll: 1000 }), { columns: 80, rows: 24 });
  assert.match(lines[2] ?? "", /^endpoint /);
  assert.match(lines.at(-3) ?? "", /^vllm-199 /);
  assert.match(renderScreen(screen(many, { scroll: 5 }), { columns: 80, rows: 24 })[3] ?? "", /^vllm-5 /);
});

test("the chosen decision is in sight however far down it is", () => {
  const rows = Array.from({ length: 100 }, (_, i) => aDecision({ sequence: 100 - i, requestId: `r-${100 - i}` }));
  for (const chosen of [100, 80, 1]) {
    const lines = renderScreen(aScreen(pool, { view: "decisions", chosen }, rows), { columns: 120, rows: 24 });
    assert.match(lines.find((line) => line.startsWith(">")) ?? "", new RegExp(` r-${chosen} `));
  }
});

for (const [margin, shown] of [
  [98765.4321, "98765.4"],
  [-1234.5678, "-1234.6"],
  [1e12, "1.0e+12"],
  [0.00049, "0.000"],
] as const) {
  test(`a margin of ${margin} is shown as ${shown}`, () => {
    const state = aScreen(pool, { view: "decisions" }, [aDecision({ margin })]);
    assert.ok(renderScreen(state, { columns: 120, rows: 24 })[3]?.includes(` ${shown} `));
  });
}

test("the request id that is typed is shown in the foot", () => {
  const lines = renderScreen(screen(pool, { typed: "7d0c" }), { columns: 80, rows: 24 });
  assert.equal(lines.at(-1), "request id: 7d0c_   enter why  esc back");
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
