import assert from "node:assert/strict";
import { test } from "node:test";
import { LabelCap } from "../../src/telemetry/label-cap.ts";
import { createRegistry } from "../../src/telemetry/registry.ts";
import { RequestMetrics } from "../../src/telemetry/request-metrics.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";

test("LabelCap lets the first values through and names later ones other", () => {
  const cap = new LabelCap(2);
  assert.deepEqual(
    ["a", "b", "c", "a", "b", "d"].map((value) => cap.limit(value)),
    ["a", "b", "other", "a", "b", "other"],
  );
});

test("LabelCap cuts long values", () => {
  assert.equal(new LabelCap().limit("x".repeat(1_000_000)).length, 256);
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
