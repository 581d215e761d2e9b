import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  FollowedObjects,
  type ObjectContent,
  type ObjectKind,
} from "../../../src/discovery/kubernetes/followed-objects.ts";
import { aKubeObjective, aKubeRewrite } from "../../support/kube-objects.ts";

/** What is in force, as `name=priority` or `name>target`, and what was told. */
function follow(kind: ObjectKind): { objects: FollowedObjects; inForce: () => string[]; told: string[] } {
  const told: string[] = [];
  let contents: readonly ObjectContent[] = [];
  const objects = new FollowedObjects({
    kind,
    pool: { group: "inference.networking.k8s.io", name: "pool" },
    apply: (all) => (contents = all),
    onInvalid: (name, problem) => told.push(`${name}: ${problem}`),
    onAbsent: () => told.push("absent"),
  });
  const show = ({ kind: of, value }: ObjectContent): string =>
    of === "InferenceObjective"
      ? `${value.name}=${value.priority}`
      : `${value.name}>${value.rules[0]?.targets[0].modelRewrite}@${value.createdAtMs}`;
  return { objects, told, inForce: () => contents.map(show) };
}

test("F17 an objective of the same name that is updated has its new priority, a deleted one none", () => {
  const { objects, inForce } = follow("InferenceObjective");
  const sink = objects.sink("current");
  sink.reset([aKubeObjective("a", 2), aKubeObjective("b")]);
  assert.deepEqual(inForce(), ["a=2", "b=undefined"]);
  sink.upsert(aKubeObjective("a", -1));
  assert.deepEqual(inForce(), ["a=-1", "b=undefined"]);
  sink.remove(aKubeObjective("a", -1));
  assert.deepEqual(inForce(), ["b=undefined"]);
});

test("objects of other pools, by name or group, are left out, also when they move there", () => {
  const { objects, inForce, told } = follow("InferenceObjective");
  const sink = objects.sink("current");
  const ofGroup = (name: string, group: string): object => ({
    ...aKubeObjective(name, 1),
    spec: { priority: 1, poolRef: { name: "pool", group } },
  });
  sink.reset([aKubeObjective("a", 1), aKubeObjective("b", 1, "other"), ofGroup("c", "inference.networking.x-k8s.io")]);
  assert.deepEqual(inForce(), ["a=1"]);
  sink.upsert(aKubeObjective("a", 1, "other"));
  sink.upsert(ofGroup("d", "inference.networking.k8s.io"));
  assert.deepEqual([inForce(), told], [["d=1"], []]);
});

test("an object that is not usable stays what it was, with one line a content; a new one is left out", () => {
  const { objects, inForce, told } = follow("InferenceObjective");
  const sink = objects.sink("current");
  const broken = (name: string, priority: unknown): object => ({
    ...aKubeObjective(name),
    spec: { poolRef: { name: "pool" }, priority },
  });
  sink.reset([aKubeObjective("a", 2)]);
  sink.upsert(broken("a", "high"));
  sink.upsert(broken("a", "high"));
  sink.upsert(broken("b", 2 ** 31));
  sink.reset([broken("a", "high"), broken("b", 2 ** 31)]);
  assert.deepEqual(inForce(), ["a=2"]);
  assert.deepEqual(told, [
    'a: spec.priority: expected a number, got "high"',
    "b: spec.priority: expected a whole number from -2147483648 to 2147483647, got 2147483648",
  ]);
  sink.upsert(aKubeObjective("b", 1));
  assert.deepEqual(inForce(), ["a=2", "b=1"]);
});

test("the legacy group counts only while the current one is not served", () => {
  const { objects, inForce } = follow("InferenceObjective");
  const legacy = { ...aKubeObjective("a", 1), apiVersion: "inference.networking.x-k8s.io/v1alpha2" };
  objects.sink("legacy").reset([legacy]);
  assert.deepEqual(inForce(), [], "nobody knows yet whether the current group is there");
  objects.failed("current", "absent");
  assert.deepEqual(inForce(), ["a=1"]);
  objects.sink("current").reset([aKubeObjective("b", 2)]);
  assert.deepEqual(inForce(), ["b=2"]);
  objects.sink("legacy").upsert(aKubeObjective("c", 3));
  assert.deepEqual(inForce(), ["b=2"]);
  objects.failed("current", "connection");
  objects.failed("current", "absent");
  assert.deepEqual(
    inForce(),
    ["b=2"],
    "a failure changes nothing, and an API server that starts may not know its groups",
  );
  objects.sink("current").remove(aKubeObjective("b"));
  objects.failed("current", "absent");
  objects.sink("current").reset([]);
  assert.deepEqual(inForce(), ["a=1", "c=3"]);
});

test("a group that may not be read gives way to the legacy one; absence of both is told once", () => {
  const { objects, inForce, told } = follow("InferenceObjective");
  objects.failed("current", "forbidden");
  objects.sink("legacy").reset([aKubeObjective("a", 1)]);
  assert.deepEqual(inForce(), ["a=1"]);
  const others = follow("InferenceModelRewrite");
  for (let times = 0; times < 3; times++) {
    for (const group of ["current", "legacy"] as const) {
      others.objects.failed(group, "absent");
      others.objects.sink(group).reset([]);
    }
  }
  assert.deepEqual([others.inForce(), others.told, told], [[], ["absent"], []]);
  others.objects.sink("current").upsert(aKubeRewrite("r", "llama"));
  assert.equal(others.inForce().length, 1);
});

test("fields that an API server or a later version adds do not matter; one that is being deleted is gone", () => {
  const { objects, inForce, told } = follow("InferenceModelRewrite");
  const sink = objects.sink("current");
  const rewrite = aKubeRewrite("a", "llama");
  const metadata = rewrite["metadata"] as object;
  const spec = rewrite["spec"] as object;
  const grown = {
    ...rewrite,
    metadata: { ...metadata, generateName: "a", deletionGracePeriodSeconds: null },
    spec: { ...spec, later: 1 },
  };
  sink.reset([grown]);
  assert.deepEqual([inForce(), told], [[`a>llama@${Date.UTC(2025, 0, 31, 12)}`], []]);
  sink.upsert({ ...rewrite, metadata: { ...metadata, deletionTimestamp: "2025-01-31T13:00:00Z" } });
  assert.deepEqual(inForce(), []);
});

test("matches, targets and weights of a rewrite are read", () => {
  let read: readonly ObjectContent[] = [];
  const objects = new FollowedObjects({
    kind: "InferenceModelRewrite",
    pool: { group: "inference.networking.k8s.io", name: "pool" },
    apply: (all) => (read = all),
    onInvalid: (_, problem) => assert.fail(problem),
  });
  const rules = [
    {
      matches: [{ model: { type: "Exact", value: "m" } }],
      targets: [{ modelRewrite: "x", weight: 3 }, { modelRewrite: "y" }],
    },
  ];
  objects.sink("current").reset([{ ...aKubeRewrite("a", ""), spec: { poolRef: { name: "pool" }, rules } }]);
  const [content] = read;
  assert.deepEqual(content?.kind === "InferenceModelRewrite" && content.value.rules, [
    {
      models: ["m"],
      targets: [
        { modelRewrite: "x", weight: 3 },
        { modelRewrite: "y", weight: undefined },
      ],
    },
  ]);
});

test("objects of any shape are told of, never thrown", () => {
  for (const kind of ["InferenceObjective", "InferenceModelRewrite"] as const) {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (whole, spec) => {
        const { objects, inForce } = follow(kind);
        const sink = objects.sink("current");
        sink.reset([whole, { metadata: { name: "a" }, spec }]);
        sink.upsert({ metadata: { name: "a" }, spec: { poolRef: spec, rules: spec, priority: spec } });
        sink.remove(whole);
        return inForce().length === 0;
      }),
    );
  }
});
