import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteSink } from "../../src/request/byte-sink.ts";
import { JsonScanner } from "../../src/request/json-scanner.ts";
import { describeProblem, type ValueVisitor } from "../../src/request/json-visitor.ts";
import { cutAt, cuts, parseWhole, singleBytes } from "./chunks.ts";
import { nastyDocuments } from "./nasty-documents.ts";

/** A visitor that builds the tree, as a check that every event arrives. */
function treeVisitor(put: (value: unknown) => void): ValueVisitor {
  return {
    object: () => {
      const entries: [string, unknown][] = [];
      return {
        member: (key) => treeVisitor((value) => entries.push([key, value])),
        end: () => put(Object.fromEntries(entries)),
      };
    },
    array: () => {
      const elements: unknown[] = [];
      return { element: () => treeVisitor((value) => elements.push(value)), end: () => put(elements) };
    },
    string: () => {
      const sink = new ByteSink(1e6);
      return { append: (source, from, to) => sink.append(source, from, to), end: () => put(sink.text()) };
    },
    number: put,
    boolean: put,
    null: () => put(null),
  };
}

interface Scanned {
  value: unknown;
  problem: string | undefined;
}

function scan(pieces: readonly Uint8Array[]): Scanned {
  let value: unknown;
  const scanner = new JsonScanner(
    treeVisitor((root) => {
      value = root;
    }),
  );
  for (const piece of pieces) scanner.push(piece);
  const problem = scanner.end();
  return { value, problem: problem && describeProblem(problem) };
}

const anyJson = fc.json({ stringUnit: "binary", maxDepth: 6 });
const spaces = fc.constantFrom("", " ", "\n", "\r\n\t");

test("json-scanner reads any document, cut anywhere, as JSON.parse does", () => {
  fc.assert(
    fc.property(anyJson, spaces, spaces, cuts, (json, before, after, places) => {
      const bytes = Buffer.from(before + json + after);
      const { value, problem } = scan(cutAt(bytes, places));
      assert.equal(problem, undefined);
      const exact: unknown = JSON.parse(json);
      assert.deepEqual(withNumbersOf(value, exact), exact);
    }),
    { numRuns: 500 },
  );
});

/** Numbers are scaled, not correctly rounded, and the smallest become 0: those that are near enough are made equal. */
function withNumbersOf(value: unknown, exact: unknown): unknown {
  if (typeof value === "number" && typeof exact === "number") {
    return Math.abs(value - exact) <= Math.max(Math.abs(exact) * 1e-12, 1e-200) ? exact : value;
  }
  if (typeof value !== "object" || value === null || typeof exact !== "object" || exact === null) return value;
  const entries = Object.entries(exact);
  if (Array.isArray(value)) return value.map((part, index) => withNumbersOf(part, entries[index]?.[1]));
  const parts = new Map(entries);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withNumbersOf(part, parts.get(key))]));
}

test("json-scanner gives the verdict of JSON.parse on documents with damaged bytes", () => {
  const damage = fc.array(fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), insert: fc.boolean() }), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(anyJson, damage, cuts, (json, changes, places) => {
      const bytes = [...Buffer.from(json)];
      for (const { at, byte, insert } of changes) bytes.splice(at % (bytes.length + 1), insert ? 0 : 1, byte);
      const whole = Uint8Array.from(bytes);
      const { problem } = scan(cutAt(whole, places));
      assert.equal(problem === undefined, parseWhole(whole) !== undefined, problem);
    }),
    { numRuns: 1000 },
  );
});

test("json-scanner gives the same problem however the document is cut", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), cuts, (bytes, places) => {
      const whole = scan([bytes]);
      assert.deepEqual(scan(cutAt(bytes, places)), whole);
      assert.deepEqual(scan(singleBytes(bytes)), whole);
    }),
    { numRuns: 300 },
  );
});

for (const { name, bytes } of nastyDocuments) {
  test(`json-scanner agrees with JSON.parse on ${name}, whole and byte by byte`, () => {
    const isValid = parseWhole(bytes) !== undefined;
    const whole = scan([bytes]);
    assert.equal(whole.problem === undefined, isValid, whole.problem);
    assert.deepEqual(scan(singleBytes(bytes)), whole);
  });
}

const problems: readonly { text: string | Uint8Array; want: string }[] = [
  { text: "no healthy upstream", want: 'byte 1: expected "null", found "no"' },
  { text: "", want: "byte 0: expected a JSON value, found the end of the document" },
  { text: "\ufeff{}", want: "byte 0: expected a JSON value, found byte 0xef" },
  { text: '{"a" 1}', want: 'byte 5: expected ":", found "1"' },
  { text: '{"a":1,}', want: 'byte 7: expected a key, found "}"' },
  { text: "[1 2]", want: 'byte 3: expected "," or the end of the array or object, found "2"' },
  { text: "[01]", want: 'byte 2: expected "," or the end of the array or object, found "1"' },
  { text: "[-]", want: 'byte 2: expected a digit, found "]"' },
  { text: "1.", want: "byte 2: expected a digit, found the end of the document" },
  { text: '"secret\n"', want: "byte 7: expected an escaped control character, found byte 0x0a" },
  { text: '"secret\\q"', want: 'byte 8: expected one of "\\/bfnrtu behind a backslash, found another byte' },
  { text: '"\\u12g4"', want: "byte 5: expected four hexadecimal digits, found another byte" },
  { text: Uint8Array.of(0x22, 0xc3, 0x22), want: "byte 2: expected UTF-8, found a broken sequence" },
  { text: Uint8Array.of(0x22, 0xff), want: "byte 1: expected UTF-8, found byte 0xff" },
  { text: '"secret', want: "byte 7: expected the end of the string, found the end of the document" },
  { text: "{} x", want: 'byte 3: expected the end of the document, found "x"' },
  { text: "tru", want: "byte 3: expected the rest of a literal, found the end of the document" },
];
for (const { text, want } of problems) {
  test(`F51 json-scanner reports ${want}`, () => {
    assert.equal(scan([Buffer.from(text)]).problem, want);
  });
}

test("F52 json-scanner accepts depth 64 and refuses depth 65 where it begins", () => {
  assert.equal(scan([Buffer.from("[".repeat(64) + "]".repeat(64))]).problem, undefined);
  assert.equal(
    scan([Buffer.from("[".repeat(100_000))]).problem,
    "byte 64: expected at most 64 nested values, found another",
  );
});

test("F52 json-scanner accepts 100,000 keys and refuses one more", () => {
  const keys = (count: number): Uint8Array => Buffer.from(`{${'"k":0,'.repeat(count - 1)}"k":0}`);
  const check = (bytes: Uint8Array): string | undefined => {
    const scanner = new JsonScanner(undefined);
    scanner.push(bytes);
    const problem = scanner.end();
    return problem && describeProblem(problem);
  };
  assert.equal(check(keys(100_000)), undefined);
  assert.equal(check(keys(100_001)), "byte 600001: expected at most 100000 keys, found another key");
});

test("json-scanner refuses a key above 4096 bytes", () => {
  assert.equal(scan([Buffer.from(`{"${"k".repeat(4096)}":1}`)]).problem, undefined);
  assert.match(scan([Buffer.from(`{"${"k".repeat(4097)}":1}`)]).problem ?? "", /expected a key of at most 4096 bytes/);
});

test("json-scanner gives a raw target the bytes of the value as written", () => {
  const body = Buffer.from('{"a": 1, "raw" : [ {"x": "\\u0041"}, 2 ] , "b": null}');
  for (const pieces of [[body], singleBytes(body)]) {
    const raw = new ByteSink(1000);
    const scanner = new JsonScanner({
      object: () => ({ member: (key) => (key === "raw" ? { raw, array: () => undefined } : undefined) }),
    });
    for (const piece of pieces) scanner.push(piece);
    assert.equal(scanner.end(), undefined);
    assert.equal(raw.text(), '[ {"x": "\\u0041"}, 2 ]');
  }
});

test("json-scanner ignores what comes after a problem", () => {
  const scanner = new JsonScanner(undefined);
  assert.equal(scanner.push(Buffer.from("[")), true);
  assert.equal(scanner.push(Buffer.from("x")), false);
  assert.equal(scanner.push(Buffer.from("1]")), false);
  assert.equal(scanner.end()?.position, 1);
});
