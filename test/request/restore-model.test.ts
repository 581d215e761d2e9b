import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ModelRestorer } from "../../src/request/restore-model.ts";
import { cutAt, cuts, singleBytes } from "./chunks.ts";

function restore(pieces: readonly Uint8Array[], target = "target", model = "asked/for"): string {
  const restorer = new ModelRestorer(target, model);
  return Buffer.concat([...pieces.map((piece) => restorer.push(piece)), restorer.end()]).toString();
}

const cases: readonly { name: string; body: string; want: string }[] = [
  { name: "a compact member", body: '{"model":"target","x":1}', want: '{"model":"asked/for","x":1}' },
  { name: "a member with a space", body: '{"model": "target"}', want: '{"model": "asked/for"}' },
  {
    name: "every event",
    body: 'data: {"model":"target"}\n\ndata: {"model":"target"}\n\ndata: [DONE]\n\n',
    want: 'data: {"model":"asked/for"}\n\ndata: {"model":"asked/for"}\n\ndata: [DONE]\n\n',
  },
  { name: "no longer name", body: '{"model":"target-2"}', want: '{"model":"target-2"}' },
  { name: "no two spaces", body: '{"model":  "target"}', want: '{"model":  "target"}' },
  {
    name: "no text that quotes it",
    body: '{"text":"\\"model\\":\\"target\\""}',
    want: '{"text":"\\"model\\":\\"target\\""}',
  },
  { name: "no body without a model", body: "data: [DONE]\n\n", want: "data: [DONE]\n\n" },
  { name: "an end that looks like a beginning", body: '{"a":"b","model":"tar', want: '{"a":"b","model":"tar' },
  { name: "a beginning before the real one", body: '"model":"model":"target"', want: '"model":"model":"asked/for"' },
];
for (const { name, body, want } of cases) {
  test(`B10 model restorer replaces ${name}`, () => {
    assert.equal(restore([Buffer.from(body)]), want);
    assert.equal(restore(singleBytes(Buffer.from(body))), want);
  });
}

for (const [target, model] of [
  ["same", "same"],
  ["", "x"],
  ["x", ""],
] as const) {
  test(`B10 model restorer passes the same array for names "${target}" and "${model}"`, () => {
    const restorer = new ModelRestorer(target, model);
    const chunk = Buffer.from('{"model":"same"}');
    assert.equal(restorer.isActive, false);
    assert.equal(restorer.push(chunk), chunk);
    assert.equal(restorer.end().length, 0);
  });
}

test("B10 model restorer passes a chunk without a match as it is, and holds nothing back behind a whole event", () => {
  const restorer = new ModelRestorer("target", "asked");
  const chunk = Buffer.from('data: {"text":"hello","model":"other"}\n\n');
  assert.equal(restorer.push(chunk), chunk);
  assert.equal(restorer.end().length, 0);
});

test("B10 model restorer gives the same bytes however the response is cut", () => {
  const part = fc.constantFrom(
    '"model":"target"',
    '"model": "target"',
    '"model":',
    '"',
    "target",
    "mod",
    " ",
    "é\n",
    "x",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), cuts, (parts, places) => {
      const body = Buffer.from(parts.join(""));
      const want = body.toString().replace(/"model":( ?)"target"/g, '"model":$1"asked/for"');
      assert.equal(restore(cutAt(body, places)), want);
    }),
    { numRuns: 300 },
  );
});
