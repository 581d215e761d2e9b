import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createBodyReader } from "../../src/request/body-reader.ts";
import { spliceModel } from "../../src/request/splice-model.ts";
import { cutAt, cuts } from "./chunks.ts";

test("A8 splice replaces the model of a body cut within it and nothing else", () => {
  const body = Buffer.from('{"z":12345678901234567890, "model" : "old", "a":1.0}');
  const start = body.indexOf('"old"');
  const pieces = [body.subarray(0, start + 2), body.subarray(start + 2)];
  const spliced = spliceModel(pieces, { start, end: start + 5 }, 'n"ew');
  assert.equal(Buffer.concat(spliced).toString(), '{"z":12345678901234567890, "model" : "n\\"ew", "a":1.0}');
});

test("splice puts the model first where the body names none", () => {
  const whole = Buffer.from(' {"prompt":"{hi}"}');
  for (let cut = 0; cut <= whole.length; cut++) {
    const spliced = spliceModel([whole.subarray(0, cut), whole.subarray(cut)], undefined, 'n"ew');
    assert.equal(Buffer.concat(spliced).toString(), ' {"model":"n\\"ew","prompt":"{hi}"}');
  }
  assert.throws(() => spliceModel([Buffer.from("[]")], undefined, "m"), RangeError);
});

test("splice hands chunks without the model on as the same arrays", () => {
  const pieces = ['{"a":1,', '"model":"m"', "}"].map((text) => Buffer.from(text));
  const spliced = spliceModel(pieces, { start: 15, end: 18 }, "x");
  assert.equal(spliced[0], pieces[0]);
  assert.equal(spliced.at(-1), pieces[2]);
});

test("splice refuses a range beyond the body", () => {
  assert.throws(() => spliceModel([Buffer.from("{}")], { start: 1, end: 9 }, "x"), {
    name: "RangeError",
    message: "Cannot replace the model: bytes 1 to 9, expected a range within 0 to 2",
  });
});

test("splice changes only the model, however the body is cut", () => {
  const name = fc.string({ unit: "grapheme" });
  fc.assert(
    fc.property(name, name, fc.jsonValue(), cuts, (old, model, extra, places) => {
      const before = { prompt: "x", extra, model: old, after: extra };
      const pieces = cutAt(Buffer.from(JSON.stringify(before, null, 1)), places);
      const reader = createBodyReader("/v1/completions");
      for (const piece of pieces) reader.push(piece);
      const parsed = reader.end();
      assert.ok(parsed.kind === "parsed" && parsed.modelRange !== undefined);
      const spliced = Buffer.concat(spliceModel(pieces, parsed.modelRange, model)).toString();
      assert.equal(spliced, JSON.stringify({ ...before, model }, null, 1));
    }),
    { numRuns: 200 },
  );
});

test("splice there and back gives the bytes of before, whatever else they hold", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1 });
  const space = fc.constantFrom("", " ", "\n\t");
  const number = fc.constantFrom("12345678901234567890", "1.0", "-0.0e5", "1E400");
  fc.assert(
    fc.property(name, name, fc.jsonValue(), space, number, cuts, (old, model, extra, gap, digits, places) => {
      const rest = `"big":${digits},"prompt":"\\u0041<&>","extra":${gap}${JSON.stringify(extra)}`;
      const named = (model: string) =>
        `${gap}{${gap}${rest},${gap}"model"${gap}:${gap}${JSON.stringify(model)}${gap}}${gap}`;
      const there = spliced(cutAt(Buffer.from(named(old)), places), model);
      assert.equal(String(Buffer.concat(there)), named(model));
      assert.equal(String(Buffer.concat(spliced(there, old))), named(old));
    }),
    { numRuns: 200 },
  );
});

/** The body in which `model` takes the place of the model that its reader found. */
function spliced(pieces: readonly Uint8Array[], model: string): Uint8Array[] {
  const reader = createBodyReader("/v1/completions");
  for (const piece of pieces) reader.push(piece);
  const parsed = reader.end();
  assert.ok(parsed.kind === "parsed" && parsed.modelRange !== undefined);
  return spliceModel(pieces, parsed.modelRange, model);
}

test("a model that splice puts in where there was none is the one that is read", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), cuts, (model, places) => {
      const body = Buffer.from(' { "prompt" : "{", "n": 12345678901234567890 }');
      const pieces = spliceModel(cutAt(body, places), undefined, model);
      const reader = createBodyReader("/v1/completions");
      for (const piece of pieces) reader.push(piece);
      const parsed = reader.end();
      assert.ok(parsed.kind === "parsed");
      assert.equal(parsed.model, model);
      assert.equal(
        String(Buffer.concat(pieces)).replace(`"model":${JSON.stringify(model)},`, () => ""),
        String(body),
      );
    }),
    { numRuns: 200 },
  );
});
