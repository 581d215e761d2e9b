import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeDocument, formatProblems, readDocuments } from "../../src/lib/document.ts";
import { z } from "../../src/lib/schema.ts";

const schema = z.strictObject({
  name: z.string().min(2).max(5),
  size: z.int().min(1).max(9).default(3),
  share: z.number().positive().lt(1).optional(),
  color: z.enum(["red", "green"]).nullish(),
  parts: z.array(z.strictObject({ weight: z.number() })).optional(),
  limits: z.record(z.string(), z.strictObject({ bytes: z.number() })).optional(),
  either: z.union([z.string(), z.number()]).optional(),
  none: z.strictObject({}).optional(),
});

function problemsOf(text: string): string[] {
  const decoded = decodeDocument(text, { file: "f.yaml", schema });
  return decoded.kind === "ok" ? [] : formatProblems(decoded.problems).split("\n");
}

const bad: [what: string, text: string, problems: string[]][] = [
  ["a wrong type", "name: [a]", ["f.yaml:1:7 name: expected a string, got a list"]],
  ["a missing field", "size: 1", ["f.yaml:1:1 name: expected a string, got nothing"]],
  ["a field without a value", "name:", ["f.yaml:1:6 name: expected a string, got nothing"]],
  ["a short string", "name: a", ['f.yaml:1:7 name: expected a string of at least 2 characters, got "a"']],
  ["a long string", "name: abcdef", ['f.yaml:1:7 name: expected a string of at most 5 characters, got "abcdef"']],
  ["a fraction", "name: ab\nsize: 1.5", ["f.yaml:2:7 size: expected a whole number, got 1.5"]],
  ["a small number", "name: ab\nsize: 0", ["f.yaml:2:7 size: expected a number of at least 1, got 0"]],
  ["a great number", "name: ab\nsize: 10", ["f.yaml:2:7 size: expected a number of at most 9, got 10"]],
  ["a bound left out", "name: ab\nshare: 0", ["f.yaml:2:8 share: expected a number greater than 0, got 0"]],
  ["an upper bound left out", "name: ab\nshare: 1", ["f.yaml:2:8 share: expected a number less than 1, got 1"]],
  ["not a number", "name: ab\nshare: .nan", ["f.yaml:2:8 share: expected a number, got NaN"]],
  [
    "a misspelt choice",
    "name: ab\ncolor: gren",
    ['f.yaml:2:8 color: expected one of red, green, got "gren", did you mean "green"?'],
  ],
  ["a misspelt field", "name: ab\nsise: 1", ['f.yaml:2:1 sise: unknown field, did you mean "size"?']],
  [
    "an unknown field in a list",
    "name: ab\nparts:\n  - {weight: 1, zz: 2}",
    ["f.yaml:3:17 parts[0].zz: unknown field, expected weight"],
  ],
  [
    "an unknown field in a record",
    "name: ab\nlimits: {a b: {bytes: 1, byte: 2}}",
    ['f.yaml:2:26 limits["a b"].byte: unknown field, did you mean "bytes"?'],
  ],
  [
    "a field where none is known",
    "name: ab\nnone: {x: 1}",
    ["f.yaml:2:8 none.x: unknown field, expected no fields here"],
  ],
  ["no branch of a union", "name: ab\neither: []", ["f.yaml:2:9 either: expected a string or a number, got a list"]],
  ["a list for a mapping", "- 1", ["f.yaml:1:1: expected a mapping, got a list"]],
  ["an empty text", "# nothing\n", ["f.yaml:1:1: expected a mapping, got nothing"]],
  ["a duplicate key", "name: ab\nsize: 1\nname: cd", ["f.yaml:3:1: the key is given twice, expected once"]],
  ["two documents", "name: ab\n---\nname: cd", ["f.yaml:2:1: found 2 documents, expected one"]],
  [
    "an alias without an anchor",
    "name: *x",
    ["f.yaml:1:1: Unresolved alias (the anchor must be set before the alias): x"],
  ],
  ["an unknown tag", "name: !it ab", ["f.yaml:1:7: cannot be read: Unresolved tag: !it"]],
  ["a tab for indentation", "none:\n\tx: 1", ["f.yaml:2:1: cannot be read: Tabs are not allowed as indentation"]],
  [
    "several problems, in the order of the text",
    "size: 0\nparts: [{weight: x}, {}]\nzz: 1",
    [
      "f.yaml:1:1 name: expected a string, got nothing",
      "f.yaml:1:7 size: expected a number of at least 1, got 0",
      'f.yaml:2:18 parts[0].weight: expected a number, got "x"',
      "f.yaml:2:22 parts[1].weight: expected a number, got nothing",
      "f.yaml:3:1 zz: unknown field, expected one of name, size, share, color, parts, limits, either, none",
    ],
  ],
];

for (const [what, text, problems] of bad) {
  test(`decodeDocument reports ${what} with place and path`, () => assert.deepEqual(problemsOf(text), problems));
}

test("decodeDocument takes YAML, JSON with tabs, anchors, and fills in defaults", () => {
  for (const text of ["name: ab\n", '{\n\t"name":\t"ab"\n}', "---\n&a name: ab\n...\n", "\ufeffname: ab"]) {
    const decoded = decodeDocument(text, { file: "f", schema });
    assert.deepEqual(decoded.kind === "ok" ? decoded.value : decoded.problems, { name: "ab", size: 3 });
  }
});

test("decodeDocument gives the place of any value afterwards", () => {
  const decoded = decodeDocument("name: ab\nparts:\n  - weight: 2\n", { file: "f", schema });
  const problem = decoded.document.problem(["parts", 0, "weight"], "too heavy");
  assert.deepEqual(problem, { file: "f", line: 3, column: 13, path: "parts[0].weight", message: "too heavy" });
});

test("decodeDocument never throws, and says something about whatever it refuses", () => {
  const pieces = [
    "name: ab",
    "\n",
    " ",
    "- ",
    "a: ",
    "{",
    "}",
    "[",
    "]",
    '"',
    "&x",
    "*x",
    "!t ",
    "\t",
    "%",
    "---",
    "? ",
  ];
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(...pieces), { maxLength: 20 }).map((some) => some.join("")),
  );
  fc.assert(
    fc.property(text, (source) => {
      const decoded = decodeDocument(source, { file: "f", schema });
      if (decoded.kind === "ok") return;
      assert.ok(decoded.problems.length > 0);
      for (const { line, column } of decoded.problems) assert.ok(line >= 1 && column >= 1);
    }),
    { numRuns: 300 },
  );
});

test("readDocuments reads every document of a text, those without content left out, with places in the whole text", () => {
  const text = "# head\n---\na: 1\n---\n# nothing\n---\n---\nb: [2]\n...\n";
  const documents = readDocuments(text, "f.yaml");
  assert.deepEqual(
    documents.map(({ raw, problems }) => ({ raw, problems })),
    [
      { raw: { a: 1 }, problems: [] },
      { raw: { b: [2] }, problems: [] },
    ],
  );
  assert.equal(formatProblems([documents[1]!.problem(["b", 0], "odd")]), "f.yaml:8:5 b[0]: odd");
  for (const nothing of ["", " \n", "# nothing\n", "---\n", "---\n---\n"]) {
    assert.deepEqual(readDocuments(nothing, "f"), []);
  }
});

test("readDocuments keeps what is wrong with one document to that document", () => {
  const documents = readDocuments("a: 1\n---\nb: [\n---\nc: *x\n---\nd: 1\nd: 2\n", "f.yaml");
  assert.deepEqual(
    documents.map(({ isReadable, problems }) => [isReadable, problems.map(({ line }) => line)]),
    [
      [true, []],
      [false, [4]],
      [false, [5]],
      [true, [8]],
    ],
  );
});
