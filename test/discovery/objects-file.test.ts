import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { InferenceObject } from "../../src/discovery/inference-objects.ts";
import { objectsOf, readObjects } from "../../src/discovery/objects-file.ts";
import { formatProblems } from "../../src/lib/document.ts";

const group = "inference.networking.k8s.io";
const pool = { group, name: "pool" };

/** An object of `kind` called `name`, its spec as flow YAML besides poolRef; `rest` stands before it. */
function anObject(kind: string, name: string, spec: string, rest = "apiVersion: llm-d.ai/v1alpha2\n"): string {
  return `${rest}kind: ${kind}\nmetadata: {name: ${name}}\nspec: {poolRef: {name: pool}, ${spec}}\n`;
}
const objective = (name: string, spec: string, rest?: string): string =>
  anObject("InferenceObjective", name, spec, rest);
const rewrite = (name: string, spec: string, rest?: string): string =>
  anObject("InferenceModelRewrite", name, spec, rest);
const legacy = "apiVersion: inference.networking.x-k8s.io/v1alpha2\n";

function objectsIn(text: string): readonly InferenceObject[] {
  const read = readObjects(text, "o.yaml");
  assert.ok(read.kind === "ok", JSON.stringify(read));
  return read.objects;
}

const accepted: readonly { name: string; text: string; want: readonly object[] }[] = [
  { name: "a comment for no objects", text: "# nothing yet\n", want: [] },
  { name: "empty documents", text: "---\n---\n", want: [] },
  {
    name: "objectives with, without and with null priority",
    text: [
      objective("a", "priority: -2147483648"),
      objective("b", "priority: 2147483647"),
      objective("c", "priority: null"),
      "apiVersion: llm-d.ai/v1alpha2\nkind: InferenceObjective\nmetadata: {name: d}\nspec: {poolRef: {name: pool}}\n",
    ].join("---\n"),
    want: [
      { name: "a", priority: -2147483648 },
      { name: "b", priority: 2147483647 },
      { name: "c", priority: undefined },
      { name: "d", priority: undefined },
    ],
  },
  {
    name: "rules, with and without matches, types, weights",
    text: rewrite(
      "r",
      "rules: [{matches: [{model: {value: m}}, {model: {type: Exact, value: n}}], targets: [{modelRewrite: x, weight: 1000000}, {modelRewrite: y, weight: 1}]}, {targets: [{modelRewrite: z}]}, {matches: [], targets: [{modelRewrite: z, weight: null}]}]",
    ),
    want: [
      {
        name: "r",
        createdAtMs: Number.POSITIVE_INFINITY,
        rules: [
          {
            models: ["m", "n"],
            targets: [
              { modelRewrite: "x", weight: 1_000_000 },
              { modelRewrite: "y", weight: 1 },
            ],
          },
          { models: [], targets: [{ modelRewrite: "z", weight: undefined }] },
          { models: [], targets: [{ modelRewrite: "z", weight: undefined }] },
        ],
      },
    ],
  },
  {
    name: "an object as an API server gives it, in the legacy group",
    text: JSON.stringify({
      apiVersion: "inference.networking.x-k8s.io/v1alpha2",
      kind: "InferenceModelRewrite",
      metadata: {
        name: "r",
        namespace: "inference",
        creationTimestamp: "2025-01-31T12:00:00Z",
        uid: "1",
        resourceVersion: "7",
        generation: 1,
        managedFields: [{}],
        annotations: { a: "b" },
        labels: { a: "b" },
        ownerReferences: [],
        finalizers: [],
      },
      spec: { poolRef: { group, kind: "InferencePool", name: "pool" }, rules: [] },
      status: { conditions: [] },
    }),
    want: [{ name: "r", createdAtMs: Date.UTC(2025, 0, 31, 12), rules: [] }],
  },
];
for (const { name, text, want } of accepted) {
  test(`readObjects accepts ${name}`, () => {
    assert.deepEqual(
      objectsIn(text).map(({ content }) => content.value),
      want,
    );
  });
}

test("objectsOf keeps the objects of the pool, by name and group, and counts the others", () => {
  const refs = ["{name: pool}", `{name: pool, group: ${group}}`, "{name: pool, group: other}", "{name: pool2}"];
  const text = refs.map((ref, index) =>
    [
      `apiVersion: llm-d.ai/v1alpha2\nkind: InferenceObjective\nmetadata: {name: o${index}}\nspec: {poolRef: ${ref}}\n`,
      `apiVersion: llm-d.ai/v1alpha2\nkind: InferenceModelRewrite\nmetadata: {name: r${index}}\nspec: {poolRef: ${ref}, rules: []}\n`,
    ].join("---\n"),
  );
  const { objectives, rewrites, ofOtherPools } = objectsOf(pool, objectsIn(text.join("---\n")));
  assert.deepEqual(
    [objectives.map(({ name }) => name), rewrites.map(({ name }) => name), ofOtherPools],
    [["o0", "o1"], ["r0", "r1"], 4],
  );
});

test("an object of the current group replaces the legacy one of its kind, name and pool, with a warning", () => {
  const current = objective("gold", "priority: 2");
  for (const text of [
    [objective("gold", "priority: 1", legacy), current],
    [current, objective("gold", "priority: 1", legacy)],
  ]) {
    const read = readObjects([...text, rewrite("gold", "rules: []", legacy)].join("---\n"), "o.yaml");
    assert.ok(read.kind === "ok");
    assert.deepEqual(
      read.objects.map(({ content }) => content.value),
      [
        { name: "gold", priority: 2 },
        { name: "gold", createdAtMs: Number.POSITIVE_INFINITY, rules: [] },
      ],
    );
    assert.match(
      formatProblems(read.warnings),
      /^o\.yaml:\d+:13 apiVersion: left out: llm-d\.ai has an object of this kind and name too$/,
    );
  }
});

test("the same name in two pools is two objects", () => {
  const text = `${objective("gold", "priority: 2")}---\n${objective("gold", "priority: 1").replace("name: pool", "name: pool2")}`;
  assert.equal(objectsIn(text).length, 2);
});

test("targets without a weight beside some with one are warned of", () => {
  const text = rewrite(
    "r",
    "rules: [{targets: [{modelRewrite: x}, {modelRewrite: y}]},\n {targets: [{modelRewrite: x, weight: 1},\n {modelRewrite: y}]}]",
  );
  const read = readObjects(text, "o.yaml");
  assert.equal(
    formatProblems(read.warnings),
    'o.yaml:6:2 spec.rules[1].targets[1]: "y" is never chosen: it has no weight, others of the rule have one',
  );
});

const refused: readonly { name: string; text: string; want: readonly string[] }[] = [
  {
    name: "an empty file",
    text: " \n",
    want: ["1:1: the file is empty, expected objects, or a comment where there are none"],
  },
  { name: "more than 1 MiB", text: `#${"x".repeat(1024 * 1024)}`, want: ["1:1: the file has 1048577 bytes"] },
  { name: "no mapping", text: "- 1\n", want: ["1:1: expected a mapping, got a list"] },
  {
    name: "neither version nor kind",
    text: "metadata: {name: a}\n",
    want: [
      "1:1 apiVersion: expected one of llm-d.ai/v1alpha2, inference.networking.x-k8s.io/v1alpha2, got nothing",
      "1:1 kind: expected one of InferenceObjective, InferenceModelRewrite, got nothing",
    ],
  },
  {
    name: "an unknown kind",
    text: objective("a", "priority: 1").replace("InferenceObjective", "InferenceObjektive"),
    want: [
      '2:7 kind: expected one of InferenceObjective, InferenceModelRewrite, got "InferenceObjektive", did you mean "InferenceObjective"?',
    ],
  },
  {
    name: "an unknown version",
    text: objective("a", "priority: 1", "apiVersion: llm-d.ai/v1alpha1\n"),
    want: ["1:13 apiVersion: expected one of llm-d.ai/v1alpha2"],
  },
  {
    name: "a list of objects",
    text: "apiVersion: v1\nkind: List\nitems: []\n",
    want: [
      "1:13 apiVersion: expected one of",
      '2:7 kind: expected one of InferenceObjective, InferenceModelRewrite, got "List"',
    ],
  },
  {
    name: "unknown fields at every level",
    text: "apiVersion: llm-d.ai/v1alpha2\nkind: InferenceModelRewrite\nspecs: 1\nmetadata: {name: a, nam: b}\nspec:\n  poolRef: {name: p, grp: g}\n  rule: []\n  rules:\n  - match: []\n    matches: [{model: {value: a, kind: b}, header: c}]\n    targets: [{modelRewrite: a, wait: 1}, {modelRewrite: b, wieght: 1}]\n",
    want: [
      "3:1 specs: unknown field",
      '4:21 metadata.nam: unknown field, did you mean "name"?',
      "6:22 spec.poolRef.grp: unknown field",
      '7:3 spec.rule: unknown field, did you mean "rules"?',
      "9:5 spec.rules[0].match: unknown field, expected one of matches, targets",
      "10:34 spec.rules[0].matches[0].model.kind: unknown field",
      "10:44 spec.rules[0].matches[0].header: unknown field",
      "11:33 spec.rules[0].targets[0].wait: unknown field",
      '11:61 spec.rules[0].targets[1].wieght: unknown field, did you mean "weight"?',
    ],
  },
  {
    name: "what is missing",
    text: "apiVersion: llm-d.ai/v1alpha2\nkind: InferenceModelRewrite\n---\napiVersion: llm-d.ai/v1alpha2\nkind: InferenceModelRewrite\nmetadata: {}\nspec: {poolRef: {}, rules: [{matches: [{model: {}}], targets: []}, {targets: [{}]}]}\n",
    want: [
      "1:1 metadata: expected a mapping, got nothing",
      "1:1 spec: expected a mapping, got nothing",
      "6:11 metadata.name: expected a string, got nothing",
      "7:17 spec.poolRef.name: expected a string, got nothing",
      "7:48 spec.rules[0].matches[0].model.value: expected a string, got nothing",
      "7:63 spec.rules[0].targets[0]: expected a mapping, got nothing",
      "7:79 spec.rules[1].targets[0].modelRewrite: expected a string, got nothing",
    ],
  },
  ...["2147483648", "-2147483649", "1e30", "0.5"].map((priority) => ({
    name: `T03 the priority ${priority}`,
    text: objective("a", `priority: ${priority}`),
    want: [
      `4:41 spec.priority: expected a whole number from -2147483648 to 2147483647, got ${JSON.stringify(Number(priority))}`,
    ],
  })),
  ...[".nan", ".inf", '"1"'].map((priority) => ({
    name: `T03 the priority ${priority}`,
    text: objective("a", `priority: ${priority}`),
    want: ["4:41 spec.priority: expected a number, got"],
  })),
  ...["0", "-1", "1000001", "1.5"].map((weight) => ({
    name: `the weight ${weight}`,
    text: rewrite("a", `rules: [{targets: [{modelRewrite: m, weight: ${weight}}]}]`),
    want: [`4:76 spec.rules[0].targets[0].weight: expected a whole number from 1 to 1000000, got ${weight}`],
  })),
  {
    name: "empty names of models, and matches by another type",
    text: rewrite("a", 'rules: [{matches: [{model: {type: Regex, value: ""}}], targets: [{modelRewrite: ""}]}]'),
    want: [
      '4:65 spec.rules[0].matches[0].model.type: expected Exact, got "Regex"',
      '4:79 spec.rules[0].matches[0].model.value: expected a string that is not empty, got ""',
      '4:111 spec.rules[0].targets[0].modelRewrite: expected a string that is not empty, got ""',
    ],
  },
  ...["A", "-a", "a_b", "a."].map((name) => ({
    name: `the name ${name}`,
    text: objective(name, "priority: 1"),
    want: [`3:18 metadata.name: expected lower-case letters, digits, - and .`],
  })),
  {
    name: "a poolRef to another kind",
    text: objective("a", "priority: 1").replace("{name: pool}", "{name: pool, kind: Service}"),
    want: ['4:36 spec.poolRef.kind: expected InferencePool, got "Service"'],
  },
  ...["yesterday", "2025-01-31", "2025-13-01T00:00:00Z", "2025-01-31T12:00:00"].map((time) => ({
    name: `the time ${time}`,
    text: rewrite("a", "rules: []").replace("{name: a}", `{name: a, creationTimestamp: ${time}}`),
    want: [`3:40 metadata.creationTimestamp: expected a time such as 2025-01-31T12:00:00Z, got "${time}"`],
  })),
  {
    name: "names given twice, and problems of several documents at once",
    text: [
      objective("gold", "priority: 1"),
      rewrite("gold", "rules: []"),
      objective("gold", "priority: 1"),
      "a: [\n",
      objective("b", "priority: x"),
    ].join("---\n"),
    want: [
      '13:18 metadata.name: "gold" is already the name of the InferenceObjective of line 3',
      "17:1: cannot be read",
      "21:41 spec.priority: expected a number",
    ],
  },
  {
    name: "a key given twice",
    text: objective("a", "priority: 1, priority: 2"),
    want: ["4:44: the key is given twice"],
  },
];
for (const { name, text, want } of refused) {
  test(`readObjects refuses ${name}`, () => {
    const read = readObjects(text, "o.yaml");
    const lines = read.kind === "ok" ? [] : formatProblems(read.problems).split("\n");
    assert.equal(lines.length, want.length, lines.join("\n"));
    want.forEach((start, i) =>
      assert.ok(lines[i]?.startsWith(`o.yaml:${start}`), `${lines[i]} should start with ${start}`),
    );
  });
}

for (const name of readdirSync("manifests/objects")) {
  test(`manifests/objects/${name} can be used, for the pool that --pool-name has by default`, () => {
    const read = readObjects(readFileSync(`manifests/objects/${name}`, "utf8"), name);
    assert.ok(read.kind === "ok");
    assert.deepEqual(read.warnings, []);
    assert.equal(objectsOf({ group, name: "default" }, read.objects).ofOtherPools, 0);
  });
}

test("docs/objects.md shows a file that can be used, and the problems of one that cannot", () => {
  const page = readFileSync("docs/objects.md", "utf8");
  const text = /```yaml\n([^]*?)```/.exec(page)?.[1] ?? "";
  assert.equal(objectsIn(text).length, 2);
  const broken = text.replace("priority: 10", "priority: 2147483648").replace("weight: 90", "wait: 90");
  const read = readObjects(broken, "objects.yaml");
  assert.ok(read.kind === "invalid");
  assert.ok(page.includes(`\n${formatProblems(read.problems)}\n`), formatProblems(read.problems));
});
