import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { describeTrace } from "../../../simulator/traces/describe-trace.ts";
import { readTrace } from "../../../simulator/traces/read-trace.ts";

const folder = process.env["EPP_TRACES_DIR"];

function skipReason(file: string): string | false {
  if (folder === undefined) return `EPP_TRACES_DIR is not set; it names the folder of ${file}`;
  return existsSync(join(folder, file)) ? false : `no ${file} in ${folder}`;
}

const rounded = (value: number, digits = 0): number => Number(value.toFixed(digits));

const mooncake = "mooncake_conversation.jsonl";
test("the Mooncake conversation trace has its published statistics", { skip: skipReason(mooncake) }, (context) => {
  const path = join(folder ?? "", mooncake);
  const { requests, skipped, format } = readTrace(path);
  const statistics = describeTrace(requests);
  context.diagnostic(JSON.stringify(statistics));
  assert.deepEqual([format, skipped, statistics.requests], ["mooncake", 0, 12_031]);
  assert.equal(rounded(statistics.spanMs / 60_000), 59);
  assert.equal(rounded(statistics.promptTokens.mean), 12_035);
  assert.equal(rounded(statistics.promptTokens.p99 / 1000), 85);
  assert.equal(rounded(statistics.outputTokens.mean), 343);
  assert.equal(rounded(statistics.prefixHitRatio * 100, 1), 36.6);
  // Spread over the quantum the gaps are those of a Poisson process; raw, ten requests come at once.
  assert.equal(rounded(statistics.gapCv, 1), 1);
  const raw = readTrace(path, { rawTimes: true });
  assert.equal(new Set(raw.requests.arrivalMs).size, 1180);
  assert.ok(describeTrace(raw.requests).gapCv > 3);
});

const azure = "AzureLLMInferenceTrace_conv.csv";
test("the Azure conversation trace has its published statistics", { skip: skipReason(azure) }, (context) => {
  const { requests, skipped, format } = readTrace(join(folder ?? "", azure));
  const statistics = describeTrace(requests);
  context.diagnostic(JSON.stringify(statistics));
  assert.deepEqual([format, skipped, statistics.requests], ["azure", 0, 19_366]);
  assert.equal(rounded(statistics.spanMs / 60_000), 58);
  assert.deepEqual([rounded(statistics.promptTokens.mean), statistics.promptTokens.p99], [1155, 4142]);
  assert.deepEqual([rounded(statistics.outputTokens.mean), statistics.outputTokens.p99], [211, 601]);
  assert.equal(rounded(statistics.gapCv, 2), 1.09);
  assert.equal(statistics.prefixHitRatio, 0);
});
