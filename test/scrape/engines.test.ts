import assert from "node:assert/strict";
import { test } from "node:test";
import { createEngines, type EngineChoice } from "../../src/scrape/engines.ts";
import { type ModelServerMetrics, vllm } from "../../src/scrape/model-servers.ts";

const label = "llm-d.ai/engine-type";
const legacy = "inference.networking.k8s.io/engine-type";
const mine: ModelServerMetrics = { ...vllm, engine: "mine", waitingRequests: "mine_waiting" };
const choice = (more: Partial<EngineChoice> = {}): EngineChoice => ({
  engineLabelKey: label,
  defaultEngine: "vllm",
  engines: [mine],
  ...more,
});

const cases: readonly { name: string; labels: Record<string, string>; want: string; more?: Partial<EngineChoice> }[] = [
  { name: "no label gives the default", labels: {}, want: "vllm" },
  { name: "no label gives a default of the config", labels: {}, want: "mine", more: { defaultEngine: "mine" } },
  { name: "the label names a built-in", labels: { [label]: "sglang" }, want: "sglang" },
  { name: "the label names one of the config", labels: { [label]: "mine" }, want: "mine" },
  { name: "the legacy label works", labels: { [legacy]: "triton" }, want: "triton" },
  { name: "the new label wins", labels: { [label]: "sglang", [legacy]: "triton" }, want: "sglang" },
  {
    name: "an empty label falls through to the legacy one",
    labels: { [label]: "", [legacy]: "triton" },
    want: "triton",
  },
  { name: "two empty labels give the default", labels: { [label]: "", [legacy]: "" }, want: "vllm" },
  { name: "an unknown engine gives the default", labels: { [label]: "mlc", [legacy]: "triton" }, want: "vllm" },
  { name: "case matters", labels: { [label]: "SGLang" }, want: "vllm" },
  { name: "a key of the config is read", labels: { e: "sglang" }, want: "sglang", more: { engineLabelKey: "e" } },
  {
    name: "another key leaves the legacy label in force and the usual one not",
    labels: { [label]: "sglang", [legacy]: "triton" },
    want: "triton",
    more: { engineLabelKey: "e" },
  },
  {
    name: "a key that objects have by themselves is no label",
    labels: {},
    want: "vllm",
    more: { engineLabelKey: "constructor" },
  },
];
for (const { name, labels, want, more } of cases) {
  test(`F8 ${name}`, () => assert.equal(createEngines(choice(more)).of({ labels }).engine, want));
}

test("F8 an engine with a built-in's name takes its place", () => {
  const { of, byName } = createEngines(choice({ engines: [{ ...mine, engine: "sglang" }] }));
  assert.equal(of({ labels: { [label]: "sglang" } }).waitingRequests, "mine_waiting");
  assert.deepEqual([...byName.keys()], ["sglang", "vllm", "trtllm-serve", "triton-tensorrt-llm", "triton"]);
});

test("equal labels give the same object, so that a parser is made once", () => {
  const { of } = createEngines(choice());
  assert.equal(of({ labels: { [label]: "sglang" } }), of({ labels: { [label]: "sglang", other: "x" } }));
});

test("createEngines refuses a default that is no engine", () => {
  assert.throws(() => createEngines(choice({ defaultEngine: "mlc" })), {
    message:
      'Cannot use engine "mlc" as default: no such engine, expected one of mine, vllm, sglang, trtllm-serve, triton-tensorrt-llm, triton',
  });
});

test("a match says which label was looked at, and whether it names an engine", () => {
  const { match } = createEngines(choice());
  const rows = [{}, { [label]: "sglang" }, { [label]: "mlc" }, { [legacy]: "triton" }].map((labels) => {
    const { metrics, label: looked, isLabelKnown } = match({ labels });
    return [metrics.engine, looked?.key, looked?.value, isLabelKnown];
  });
  assert.deepEqual(rows, [
    ["vllm", undefined, undefined, false],
    ["sglang", label, "sglang", true],
    ["vllm", label, "mlc", false],
    ["triton", legacy, "triton", true],
  ]);
});
