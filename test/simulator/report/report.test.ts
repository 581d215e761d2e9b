import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHTML } from "linkedom";
import { formatReport } from "../../../simulator/report/report.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import type { LoadSpec } from "../../../simulator/experiment/plan.ts";
import type { SimulatePolicy } from "../../../simulator/experiment/run-job.ts";
import { aSimulationRun } from "../../support/a-simulation-run.ts";
import { aGrid, anExperiment, handMadeRun } from "../../support/an-experiment.ts";

const one = formatReport(anExperiment({ draws: 10 }));
const sweep = formatReport(anExperiment({ cells: aGrid, seeds: 3 }));

function sectionsOf(html: string): Map<string, number> {
  const { document } = parseHTML(html);
  return new Map(
    [...document.querySelectorAll("section[id]")].map((section) => [
      section.id,
      section.querySelectorAll(".panel > svg").length,
    ]),
  );
}

test("a comparison has every plot of one condition", () => {
  assert.deepEqual(
    [...sectionsOf(one)],
    [
      ["verdicts", 0],
      ["pairs", 3],
      ["ttft", 1],
      ["seeds", 1],
      ["pareto", 1],
      ["hits", 1],
      ["sensitivity", 3],
      ["waiting", 3],
      ["kv", 3],
      ["assumed", 0],
    ],
  );
});

test("a sweep over rates and scrape periods has curves over both", () => {
  const sections = sectionsOf(sweep);
  const curves = [...sections].filter(([id]) => /^(rates|staleness)-/.test(id));
  assert.deepEqual(curves, [
    ["rates-0", 3],
    ["rates-1", 3],
    ["staleness-0", 3],
    ["staleness-1", 3],
    ["staleness-2", 3],
  ]);
});

test("a reconstructed load has its spread over reconstructions and over seeds, as plots and as a table", () => {
  const html = formatReport(anExperiment({ seeds: 2, reconstructions: 20 }));
  const sections = sectionsOf(html);
  assert.deepEqual([sections.get("reconstructions"), sections.has("seeds")], [2, false]);
  const { document } = parseHTML(html);
  const heads = [...document.querySelectorAll("tbody th")].map(({ textContent }) => textContent);
  assert.ok(heads.includes("TTFT p99 over reconstructions") && heads.includes("TTFT p99 over seeds"), heads.join());
  assert.match(document.querySelector("header")?.textContent ?? "", /20 reconstructions with 2 seeds each/);
});

test("coefficients of their own and a gate have a table, the gate curves of both sides", () => {
  const curves = { running: [1, 2, 3], waiting: [0, null, 0], kvCacheRatio: [0.1, 0.2, 0.1] };
  const row = { what: "running requests", recorded: 2, simulated: 2.1, error: 0.1, allowed: 0.2, passes: true };
  const html = formatReport(
    anExperiment({
      fitted: {
        kind: "epp-coefficients",
        schemaVersion: 1,
        preset: "llama-3-8b-h100",
        coefficients: { ...presetConfig("llama-3-8b-h100").coefficients, baseMs: 8.25 },
      },
      gate: {
        policy: "random",
        rows: [row],
        passes: true,
        errors: { ttftMs: null, itlMs: null, e2eMs: null, greatest: 0.05 },
        overTime: { sliceMs: 1000, recorded: curves, simulated: curves },
        notes: [],
      },
    }),
  );
  assert.equal(sectionsOf(html).get("gate"), 3);
  const { document } = parseHTML(html);
  const captions = [...document.querySelectorAll("section > h2")].map(({ textContent }) => textContent ?? "");
  assert.ok(captions.includes("Coefficients as given"), captions.join());
  assert.ok(
    captions.some((one) => /^Gate: random, .* below the error: others 5\.0 %\.$/.test(one)),
    captions.join(),
  );
  const cells = [...document.querySelectorAll("td")].map(({ textContent }) => textContent);
  assert.ok(cells.includes("8.25") && cells.includes("2.10") && cells.includes("ok"));
});

test("every plot draws data, for every policy, and says what it is", () => {
  for (const html of [one, sweep]) {
    const { document } = parseHTML(html);
    for (const svg of document.querySelectorAll(".panel > svg")) {
      const label = svg.getAttribute("aria-label") ?? "";
      assert.ok(label.length > 10 && svg.getAttribute("role") === "img", label);
      assert.ok(svg.querySelectorAll("path[d], circle, rect, line").length > 5, label);
      assert.doesNotMatch(svg.outerHTML, /NaN|undefined|Infinity/, label);
    }
    for (const at of [0, 1, 2]) assert.ok(html.split(`"var(--policy-${at})"`).length > 5);
  }
});

test("every tick of an axis has a label, where values are close to each other too", () => {
  const close: SimulatePolicy = ({ seed }, policy) =>
    aSimulationRun(
      Array.from({ length: 100 }, (_, i) => {
        const ttftMs = 58 + policy * 9 + ((i + seed) % 5);
        return { arrivalMs: i * 100, ttftMs, e2eMs: ttftMs + 300 };
      }),
    );
  const html = formatReport(anExperiment({ seeds: 2, reconstructions: 20 }, close));
  for (const page of [html, one, sweep]) {
    const { document } = parseHTML(page);
    const labels = [...document.querySelectorAll('g[aria-label$="tick label"] text')];
    assert.ok(labels.length > 20);
    assert.ok(labels.every(({ textContent }) => textContent !== ""));
  }
});

test("policies at one place share a label, in their order", () => {
  const alike: SimulatePolicy = (job, policy) => handMadeRun(job, policy === 2 ? 2 : 0);
  const { document } = parseHTML(formatReport(anExperiment({}, alike)));
  const labels = [...document.querySelectorAll('#pareto g[aria-label="text"] text')].map((one) => one.textContent);
  assert.deepEqual(new Set(labels), new Set(["default", "round-robin, go-default"]));
});

test("changes of the pool are strokes in the maps of replicas", () => {
  const load: LoadSpec = {
    kind: "scenario",
    source: "flapping-server",
    rawTimes: false,
    scaleBy: "time-warp",
    openLoop: false,
  };
  const { document } = parseHTML(formatReport(anExperiment({ load })));
  // The hand-made load ends after 40 s, and so before the others.
  assert.equal(document.querySelectorAll("#waiting .panel:first-child g[aria-label=tick] line").length, 2);
  assert.match(document.querySelector("#waiting figcaption")?.textContent ?? "", /A stroke is a change of the pool\.$/);
});

test("the page needs nothing from elsewhere and runs nothing", () => {
  for (const html of [one, sweep]) {
    assert.doesNotMatch(html, /<script|<link|<iframe|<img|@import|url\(|\son\w+=/i);
    assert.deepEqual(html.match(/\b(https?:)?\/\/[\w.-]+/g)?.filter((url) => !url.endsWith("www.w3.org")) ?? [], []);
  }
});

test("the page is well-formed: every element that is opened is closed", () => {
  const open: string[] = [];
  const isVoid = new Set(["meta", "br"]);
  for (const [, close, name = "", selfClosed] of one.matchAll(/<(\/?)([a-z][\w-]*)(?:\s[^<>]*?)?(\/?)>/gi)) {
    if (isVoid.has(name) || selfClosed === "/") continue;
    if (close === "") open.push(name);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(open, []);
});

test("names of policies and traces are shown as they are, whatever is in them", () => {
  const evil = `<script>alert("x")</script>&amp;'`;
  const experiment = anExperiment({
    policies: [{ name: evil }, { name: "b" }],
    load: {
      kind: "trace",
      source: `/tmp/${evil.replaceAll("/", "")}`,
      rawTimes: false,
      scaleBy: "time-warp",
      openLoop: false,
    },
  });
  const html = formatReport(experiment);
  assert.doesNotMatch(html, /<script/i);
  const { document } = parseHTML(html);
  assert.equal(document.querySelectorAll("script").length, 0);
  assert.ok(document.querySelector("#kv svg")?.getAttribute("aria-label")?.endsWith(evil));
  assert.equal(document.querySelector(".legend li")?.textContent, evil);
  assert.equal(document.querySelector("th[scope=col]:nth-child(2)")?.textContent, evil);
});

test("the page says what was assumed, and shows every figure", () => {
  const { document } = parseHTML(one);
  const assumed = document.querySelector("#assumed")?.textContent ?? "";
  for (const phrase of [
    "not the milliseconds",
    "8 ms pass",
    "warm-up",
    "95 % t intervals over 5 seeds",
    "90 % of 20 runs",
  ]) {
    assert.ok(assumed.includes(phrase), phrase);
  }
  assert.equal(document.querySelectorAll("tbody tr").length, 14);
});

test("the same experiment gives the same page", () => {
  assert.equal(formatReport(anExperiment({ draws: 10 })), one);
});

test("one seed and one policy make a page without pairs", () => {
  const html = formatReport(anExperiment({ seeds: 1, policies: [{ name: "a" }] }));
  const sections = sectionsOf(html);
  for (const id of ["verdicts", "pairs", "seeds", "sensitivity"]) assert.ok(!sections.has(id), id);
  assert.ok(sections.has("ttft"));
});
