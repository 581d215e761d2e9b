import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatSelector, isSameSelector, readInferencePool } from "../../../src/discovery/kubernetes/inference-pool.ts";
import { aKubePool } from "../../support/kube-objects.ts";

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => 8000 + index);
const labels = (count: number): Record<string, string> =>
  Object.fromEntries(range(count).map((number) => [`l${number}`, "v"]));
const withSpec = (change: object): unknown => ({
  ...aKubePool(),
  spec: { ...(aKubePool()["spec"] as object), ...change },
});

test("a pool is read: selector, ports in their order, protocol", () => {
  const read = readInferencePool(aKubePool({ selector: { app: "vllm", "example.com/tier": "" }, ports: [8001, 8000] }));
  const want = { selector: { app: "vllm", "example.com/tier": "" }, targetPorts: [8001, 8000], appProtocol: undefined };
  assert.deepEqual(read, { kind: "ok", pool: want });
  const h2c = readInferencePool(aKubePool({ appProtocol: "kubernetes.io/h2c" }));
  assert.equal(h2c.kind === "ok" && h2c.pool.appProtocol, "kubernetes.io/h2c");
  assert.equal(readInferencePool(aKubePool({ ports: range(8), selector: labels(64) })).kind, "ok");
  assert.equal(readInferencePool(withSpec({ appProtocol: null, fieldOfALaterVersion: {} })).kind, "ok");
});

test("F16 a pool that is being deleted counts as gone, valid or not", () => {
  assert.deepEqual(readInferencePool(aKubePool({ isTerminating: true })), { kind: "terminating" });
  assert.deepEqual(readInferencePool(aKubePool({ isTerminating: true, ports: [] })), { kind: "terminating" });
});

const invalid: readonly (readonly [what: string, raw: unknown, problem: string])[] = [
  ["no ports", aKubePool({ ports: [] }), "spec.targetPorts: expected 1 to 8 ports, got 0"],
  ["nine ports", aKubePool({ ports: range(9) }), "spec.targetPorts: expected 1 to 8 ports, got 9"],
  ["ports absent", withSpec({ targetPorts: undefined }), "spec.targetPorts: expected a list, got nothing"],
  ["port 0", aKubePool({ ports: [0] }), "spec.targetPorts[0].number: expected a port from 1 to 65535, got 0"],
  [
    "port too large",
    aKubePool({ ports: [65536] }),
    "spec.targetPorts[0].number: expected a port from 1 to 65535, got 65536",
  ],
  [
    "port with a fraction",
    aKubePool({ ports: [80.5] }),
    "spec.targetPorts[0].number: expected a port from 1 to 65535, got 80.5",
  ],
  [
    "port as text",
    withSpec({ targetPorts: [{ number: "8000" }] }),
    'spec.targetPorts[0].number: expected a number, got "8000"',
  ],
  [
    "port without a number",
    withSpec({ targetPorts: [{}] }),
    "spec.targetPorts[0].number: expected a number, got nothing",
  ],
  [
    "a port twice",
    aKubePool({ ports: [8000, 8001, 8000] }),
    "spec.targetPorts[2].number: 8000 is already the port of targetPorts[0]",
  ],
  ["empty selector", aKubePool({ selector: {} }), "spec.selector.matchLabels: expected 1 to 64 labels, got 0"],
  ["65 labels", aKubePool({ selector: labels(65) }), "spec.selector.matchLabels: expected 1 to 64 labels, got 65"],
  ["no selector", withSpec({ selector: undefined }), "spec.selector: expected a mapping, got nothing"],
  [
    "selector null",
    withSpec({ selector: { matchLabels: null } }),
    "spec.selector.matchLabels: expected a mapping, got nothing",
  ],
  [
    "expressions",
    withSpec({ selector: { matchLabels: { a: "b" }, matchExpressions: [] } }),
    "spec.selector.matchExpressions: unknown field, expected matchLabels",
  ],
  [
    "bad key",
    aKubePool({ selector: { "-a": "b" } }),
    "spec.selector.matchLabels.-a: expected a label key such as app or example.com/app as key",
  ],
  [
    "bad value",
    aKubePool({ selector: { a: "b c" } }),
    'spec.selector.matchLabels.a: expected a label value, got "b c"',
  ],
  [
    "bad protocol",
    aKubePool({ appProtocol: "grpc" }),
    'spec.appProtocol: expected one of http, kubernetes.io/h2c, got "grpc"',
  ],
  ["no spec", { metadata: {} }, "spec: expected a mapping, got nothing"],
  ["nothing", undefined, "spec: expected a mapping, got nothing"],
];
for (const [what, raw, problem] of invalid) {
  test(`T32 F28 a pool is not usable: ${what}`, () => {
    assert.deepEqual(readInferencePool(raw), { kind: "invalid", problem });
  });
}

test("T32 every problem of a pool is told, on one line", () => {
  const read = readInferencePool(aKubePool({ selector: {}, ports: [0, 0] }));
  const problem = read.kind === "invalid" ? read.problem : "";
  assert.equal(problem.split("; ").length, 3, problem);
  assert.ok(!problem.includes("\n"));
});

for (const [key, isGood] of [
  ["app", true],
  ["a", true],
  ["A_b.c-9", true],
  ["x".repeat(63), true],
  ["x".repeat(64), false],
  ["example.com/app", true],
  ["Example.com/app", false],
  ["/app", false],
  ["example.com/", false],
  ["a/b/c", false],
  ["app-", false],
  ["", false],
] as const) {
  test(`T32 label key "${key.slice(0, 20)}" of ${key.length} characters is ${isGood ? "good" : "refused"}`, () => {
    assert.equal(readInferencePool(aKubePool({ selector: { [key]: "v" } })).kind, isGood ? "ok" : "invalid");
  });
}

for (const [value, isGood] of [
  ["", true],
  ["v", true],
  ["V_1.x-9", true],
  ["x".repeat(63), true],
  ["x".repeat(64), false],
  ["-v", false],
  ["v.", false],
  ["a/b", false],
] as const) {
  test(`T32 label value "${value.slice(0, 20)}" of ${value.length} characters is ${isGood ? "good" : "refused"}`, () => {
    assert.equal(readInferencePool(aKubePool({ selector: { app: value } })).kind, isGood ? "ok" : "invalid");
  });
}

test("reading a pool never throws", () => {
  fc.assert(fc.property(fc.jsonValue(), (raw) => readInferencePool(raw).kind !== "ok"));
  fc.assert(fc.property(fc.jsonValue(), (spec) => ["ok", "invalid"].includes(readInferencePool({ spec }).kind)));
});

test("selectors are equal whatever the order of their labels, and are written sorted", () => {
  assert.equal(isSameSelector({ a: "1", b: "2" }, { b: "2", a: "1" }), true);
  assert.equal(isSameSelector({ a: "1" }, { a: "2" }), false);
  assert.equal(formatSelector({ b: "2", a: "1" }), "a=1,b=2");
});
