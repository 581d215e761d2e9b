import assert from "node:assert/strict";
import { test } from "node:test";
import { deploymentOf, parseSelector } from "../../../src/discovery/kubernetes/endpoint-selector.ts";

test("a selector is labels with commas between", () => {
  assert.deepEqual(parseSelector("app=vllm"), { app: "vllm" });
  assert.deepEqual(parseSelector(" app = vllm , example.com/tier= "), { app: "vllm", "example.com/tier": "" });
});

for (const [text, problem] of [
  ["", /expected KEY=VALUE/],
  ["app", /"app", expected KEY=VALUE/],
  ["app=vllm,", /expected KEY=VALUE/],
  ["app==vllm", /expected KEY=VALUE/],
  ["app!=vllm", /expected a label key/],
  ["=vllm", /expected a label key/],
  ["app=a b", /"a b", expected a label value/],
  ["app=a,app=b", /"app" twice/],
  [Array.from({ length: 65 }, (_, index) => `l${index}=v`).join(","), /65 labels, expected at most 64/],
] as const) {
  test(`a selector is refused: ${text.slice(0, 20)}`, () =>
    assert.throws(() => parseSelector(text), { message: problem }));
}

for (const [pod, deployment] of [
  ["epp-7d9f8b6c5d-x2x4z", "epp"],
  ["llama-epp-7d9f8b6c5d-x2x4z", "llama-epp"],
  ["a-b-c", "a"],
  ["epp-0", undefined],
  ["epp", undefined],
  ["", undefined],
] as const) {
  test(`the deployment of pod "${pod}" is ${deployment}`, () => assert.equal(deploymentOf(pod), deployment));
}
