import assert from "node:assert/strict";
import { test } from "node:test";
import { diagnosed, observe } from "../support/a-pool.ts";
import { enginePages } from "../support/engine-pages.ts";

const load = { waiting: 0, running: 0, kvCacheRatio: 0 };
const lora = 'vllm:lora_requests_info{max_lora="1"} 1\n';
const vllmPage = (blockSize = 16): string => enginePages["vllm"]!({ ...load, blockSize }) + lora;

function found(pool: Parameters<typeof diagnosed>[0]): string[] {
  return diagnosed(pool).findings.map(
    ({ severity, code, endpoints, message }) => `${severity} ${code} [${endpoints.join(" ")}] ${message}`,
  );
}

test("a pool of equals gives no finding", () => {
  assert.deepEqual(found([observe("a", [vllmPage()]), observe("b", [vllmPage()], { port: 8001 })]), []);
});

test("a pool without endpoints is an error", () => {
  assert.deepEqual(found([]), [
    "error no-endpoints [] the file lists no endpoints: every request is answered with 503",
  ]);
});

test("endpoints with one page between them are named", () => {
  assert.deepEqual(found([observe("a", [vllmPage()]), observe("b", [vllmPage()])]), [
    "warning same-page [default/a default/b] 2 endpoints share the page of 10.0.0.7:8000: each shows the load of all",
  ]);
});

test("engines and block sizes that differ are named with who has them", () => {
  const labels = { "llm-d.ai/engine-type": "sglang" };
  const pool = [
    observe("a", [vllmPage()]),
    observe("b", [vllmPage(32)], { port: 8001 }),
    observe("c", [vllmPage(32)], { port: 8002 }),
    observe("d", [enginePages["sglang"]!({ ...load, blockSize: 16 })], { port: 8003, labels }),
  ];
  assert.deepEqual(found(pool), [
    "warning block-sizes-mixed [] KV blocks hold different numbers of tokens: 16 tokens (default/a and 1 more), 32 tokens (default/b and 1 more)",
    "note engines-mixed [] the pool has vllm (default/a and 2 more), sglang (default/d): their counts are compared as they are",
  ]);
});

test("servers of different models are named", () => {
  const other = vllmPage().replaceAll('model_name="m"', 'model_name="n"');
  assert.deepEqual(found([observe("a", [vllmPage()]), observe("b", [other], { port: 8001 })]), [
    "warning models-mixed [] the label model_name differs: m (default/a), n (default/b)",
  ]);
});

test("what is equal for several endpoints is one finding, errors come first", () => {
  const refused = { kind: "failed", reason: "truncated", detail: "cut" } as const;
  const pool = [
    observe("a", [enginePages["vllm"]!(load)], { port: 8001 }),
    observe("b", [refused], { port: 8002 }),
    observe("c", [refused], { port: 8003 }),
    observe("d", [refused, vllmPage()], { port: 8004 }),
  ];
  assert.deepEqual(found(pool), [
    "error unreachable [default/b default/c] the page ends before its end: cut",
    "warning flaky [default/d] 1 of 2 reads failed, at last: the page ends before its end: cut",
    "note adapters-absent [default/a] LoRA adapters unknown: vllm:lora_requests_info is not on the page",
  ]);
});
