import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runEpp } from "../support/run-epp.ts";

/** Ten requests every 15 s for two minutes, as a server's totals tell them. */
const page = Array.from({ length: 9 }, (_, i) => {
  const atMs = 1_700_000_000_000 + 15_000 * i;
  const values = {
    num_requests_running: 2,
    num_requests_waiting: 0,
    kv_cache_usage_perc: 0.1,
    prompt_tokens_total: 5000 * i,
    generation_tokens_total: 800 * i,
    request_success_total: 10 * i,
  };
  const lines = Object.entries(values).map(([name, value]) => `vllm:${name}{instance="a"} ${value} ${atMs}\n`);
  return lines.join("");
}).join("");

test("--metrics simulates twenty loads that agree with the metrics, two seeds each, and says so", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "epp-metrics-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "pool.prom");
  writeFileSync(file, page);
  const args = ["simulate", "--metrics", file, "--policy", "random", "--replicas", "1"];
  const [text, json, few] = await Promise.all([
    runEpp(t, args),
    runEpp(t, [...args, "--json"]),
    runEpp(t, [...args, "--reconstructions", "3"]),
  ]);
  assert.equal(text.code, 0, text.stderr);
  assert.match(
    text.stdout,
    /^80 requests of loads reconstructed from metrics: pool\.prom, .*, 20 reconstructions with 2 seeds each\n/,
  );
  assert.match(text.stdout, /TTFT p99 +over reconstructions .* ±[\d.]+ \([\d.]+ to [\d.]+\)/);
  assert.match(text.stdout, / over seeds .* ±[\d.]+ /);
  const document = JSON.parse(json.stdout) as { seeds: number; requests: number; reconstruction: object };
  assert.deepEqual([document.seeds, document.requests], [2, 80]);
  assert.deepEqual(document.reconstruction, { source: "metrics", draws: 20, seedsEach: 2 });
  assert.deepEqual([few.code, few.stdout], [2, ""]);
  assert.match(few.stderr, /cannot simulate metrics with 3 reconstructions: expected at least 20/);
});
