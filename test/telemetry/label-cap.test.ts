import assert from "node:assert/strict";
import { test } from "node:test";
import { LabelCap } from "../../src/telemetry/label-cap.ts";
import { createRegistry } from "../../src/telemetry/registry.ts";
import { RequestMetrics } from "../../src/telemetry/request-metrics.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";

test("LabelCap lets the first values through and names later ones other", () => {
  const cap = new LabelCap(undefined, 2);
  assert.deepEqual(
    ["a", "b", "c", "a", "b", "d"].map((value) => cap.limit(value)),
    ["a", "b", "other", "a", "b", "other"],
  );
});

test("LabelCap cuts long values", () => {
  assert.equal(new LabelCap().limit("x".repeat(1_000_000)).length, 256);
});

test("T10 LabelCap writes control characters out", () => {
  const cap = new LabelCap();
  for (const value of ['a\u001b[31m\r\n\u0085\u2028"\\b', "\u0000"]) {
    const shown = value === "\u0000" ? "\\u0000" : 'a\\u001b[31m\\u000d\\u000a\\u0085\\u2028"\\b';
    assert.deepEqual([cap.limit(value), cap.limit(value)], [shown, shown]);
  }
});

test("T10 names and flows, each within its cap, do not multiply", async () => {
  const registry = createRegistry();
  const metrics = new RequestMetrics(registry, silentLogger);
  const picked = { name: "server-0", namespace: "default", port: 8000 };
  for (let model = 0; model < 60; model++) {
    for (let flow = 0; flow < 60; flow++) {
      const labels = { modelName: `m-${model}`, targetModelName: `m-${model}`, fairnessId: `f-${flow}`, priority: 0 };
      metrics.routed(labels, 10, 1, picked);
      metrics.routed({ ...labels }, 10, 1, picked);
      metrics.closed(labels);
    }
  }
  const lines = (await registry.page()).split("\n").filter((line) => line.startsWith("llm_d_epp_request_total{"));
  assert.equal(lines.length, 1001);
  const other = lines.find((line) => line.includes('model_name="other"'));
  assert.match(
    other ?? "",
    /fairness_id="other",priority="0"\} 5200$/,
    "what is beyond the cap is counted all the same",
  );
});

test("T10 a large page leaves the event loop to others between two families, and is printed once for all who ask", async () => {
  const registry = createRegistry();
  let collections = 0;
  registry.onCollect(() => collections++);
  let turns = 0;
  const printed = registry.page();
  assert.equal(registry.page(), printed);
  const count = (): void => {
    turns++;
    if (collections < 2) setImmediate(count);
  };
  setImmediate(count);
  await printed;
  assert.equal(collections, 1);
  assert.ok(turns > 20, `${turns} turns`);
  assert.notEqual(registry.page(), printed);
  assert.equal(collections, 2);
});

test("T10 100,000 model names and fairness ids leave the metrics page bounded", async () => {
  const registry = createRegistry();
  const metrics = new RequestMetrics(registry, silentLogger);
  const picked = { name: "server-0", namespace: "default", port: 8000 };
  for (let index = 0; index < 100_000; index++) {
    const model = `model-${index}\n{"\\`;
    metrics.rejected(
      { modelName: model, targetModelName: model, fairnessId: "tenant", priority: 0 },
      "BadRequest",
      false,
    );
  }
  metrics.routed({ modelName: "late", targetModelName: "late", fairnessId: "tenant", priority: 0 }, 10, 1, picked);
  const page = await registry.page();
  const series = page.split("\n").filter((line) => line.startsWith("llm_d_epp_request_error_total{"));
  assert.equal(series.length, 1001);
  assert.match(page, /llm_d_epp_request_total\{model_name="other",target_model_name="other"/);
});

test("LabelCap lets pinned values through beyond the limit and does not count them", () => {
  const pinned = new Set(["p", "q".repeat(300)]);
  const cap = new LabelCap((value) => pinned.has(value), 1);
  assert.deepEqual(
    ["p", "a", "p", "b", "q".repeat(300)].map((value) => cap.limit(value)),
    ["p", "a", "p", "other", "q".repeat(256)],
  );
});

test("targets of rewrite rules are labels whatever clients name, and a request keeps its labels", async () => {
  const registry = createRegistry();
  const pinned = new Set(["target"]);
  const metrics = new RequestMetrics(registry, silentLogger, (model) => pinned.has(model));
  const picked = { name: "server-0", namespace: "default", port: 8000 };
  const labels = (model: string) => ({ modelName: model, targetModelName: "target", fairnessId: "f", priority: 0 });
  for (let index = 0; index < 1000; index++) metrics.rejected(labels(`model-${index}`), "BadRequest", false);
  const [first, second] = [labels("late"), labels("late")];
  metrics.rewritten("r", "late", "target");
  metrics.routed(first, 1, 1, picked);
  pinned.delete("target");
  metrics.routed(second, 1, 1, picked);
  pinned.add("target");
  for (const request of [first, second]) metrics.closed(request);
  const page = await registry.page();
  const sample = (series: string): string | undefined => page.split("\n").find((line) => line.startsWith(series));
  const running = (target: string): string =>
    `llm_d_epp_request_running{model_name="other",target_model_name="${target}",fairness_id="other",priority="0"} `;
  assert.equal(sample(running("target")), `${running("target")}0`);
  assert.equal(sample(running("other")), `${running("other")}0`);
  const decision =
    'llm_d_epp_model_rewrite_decisions_total{model_rewrite_name="r",model_name="other",target_model="target"} ';
  assert.equal(sample(decision), `${decision}1`);
});
