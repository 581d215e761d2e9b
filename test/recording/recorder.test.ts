import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lineSchema, type RecordingLine } from "../../src/recording/line.ts";
import { SampleText } from "../../src/recording/sample-line.ts";
import { aRequest } from "../support/a-request.ts";
import { RecordedPicker, specOf } from "../support/a-recorded-picker.ts";

const parse = (lines: readonly string[]): RecordingLine[] => lines.map((line) => lineSchema.parse(JSON.parse(line)));

test("a request leaves its pick, its dispatch, its first byte and its end, with what the response said", () => {
  const picker = new RecordedPicker();
  picker.store.reset([specOf(0), specOf(1)]);
  picker.clock.advance(5);
  picker.route(aRequest({ prompt: "x".repeat(1000), maxOutputTokens: 7, priority: -1, fairnessId: "tenant" }));
  picker.clock.advance(20);
  picker.open[0]?.firstByte();
  picker.clock.advance(30);
  picker.open[0]?.completed(200, { promptTokens: 250, completionTokens: 6, totalTokens: 256, cachedTokens: 64 });
  picker.open[0]?.release("completed");
  const [pick, ...rest] = parse(picker.lines).slice(2);
  assert.ok(pick?.kind === "pick");
  const { requestId, decidedAtMs, promptBytes, promptTokens, maxOutputTokens, priority, fairnessId, blockTokens } =
    pick;
  assert.deepEqual(
    { requestId, decidedAtMs, promptBytes, promptTokens, maxOutputTokens, priority, fairnessId, blockTokens },
    {
      requestId: "request-1",
      decidedAtMs: 5,
      promptBytes: 1000,
      promptTokens: 250,
      maxOutputTokens: 7,
      priority: -1,
      fairnessId: "tenant",
      blockTokens: 64,
    },
  );
  assert.equal(Buffer.from(pick.blocks ?? "", "base64").length, 4 * 8);
  assert.deepEqual(rest, [
    { kind: "sent", n: 0 },
    { kind: "first", n: 0, atMs: 25 },
    {
      kind: "done",
      n: 0,
      atMs: 55,
      cause: "completed",
      status: 200,
      promptTokens: 250,
      outputTokens: 6,
      cachedTokens: 64,
    },
  ]);
});

test("S61 T61 no text of a prompt is in any line, whether a producer has hashed it or not", () => {
  const canary = "canary-7f3a-in-the-prompt";
  for (const config of [undefined, "no prefix"]) {
    const picker = new RecordedPicker();
    if (config === undefined) picker.store.reset([specOf(0)]);
    picker.route(aRequest({ prompt: `${canary} `.repeat(40), cacheSalt: canary }));
    const text = picker.lines.join("\n");
    assert.match(text, /"blocks":"[A-Za-z0-9+/=]+"/);
    for (const spelling of [canary, Buffer.from(canary).toString("base64").slice(0, 20)]) {
      assert.ok(!text.includes(spelling));
    }
  }
});

test("equal prompts have equal blocks, other prompts and other salts do not", () => {
  const picker = new RecordedPicker();
  picker.store.reset([specOf(0)]);
  const prompt = "y".repeat(600);
  for (const one of [{ prompt }, { prompt }, { prompt: "z".repeat(600) }, { prompt, cacheSalt: "salt" }]) {
    picker.route(aRequest(one));
  }
  const picks = parse(picker.lines).filter((line) => line.kind === "pick");
  const [first, second, third, fourth] = picks.map(({ blocks }) => blocks);
  assert.equal(first, second);
  assert.notEqual(first, third);
  assert.notEqual(first, fourth);
});

test("what a sample says as before is left out, and said again where a file begins", () => {
  const text = new SampleText();
  const adapters = { running: new Set(["a"]), waiting: new Set<string>(), maxAdapters: 4 };
  const cacheInfo = { blockSizeTokens: 16, blocks: 100 };
  const line = (more: object): unknown => JSON.parse(text.line(3, { sampledAtMs: 1.5, adapters, cacheInfo, ...more }));
  const full = {
    adapters: { running: ["a"], waiting: [], max: 4 },
    cache: { blockSizeTokens: 16, blocks: 100 },
  };
  const start = { kind: "sample", e: 3, atMs: 1.5 };
  assert.deepEqual(line({ waitingRequests: 2, kvCacheRatio: null }), { ...start, waiting: 2, kv: null, ...full });
  assert.deepEqual(line({}), { ...start, same: ["adapters", "cache"] });
  assert.deepEqual(line({ adapters: undefined }), { ...start, same: ["cache"] });
  assert.deepEqual(line({}), { ...start, adapters: full.adapters, same: ["cache"] });
  text.forget();
  assert.deepEqual(line({ runningIsTotal: true, absent: ["kvCacheRatio"] }), {
    ...start,
    runningIsTotal: true,
    ...full,
    absent: ["kvCacheRatio"],
  });
});

test("an answer after an answer is not worth a line", () => {
  const picker = new RecordedPicker();
  picker.store.reset([specOf(0)]);
  const before = picker.lines.length;
  const { id, incarnation } = specOf(0);
  for (const outcome of ["answered", "refused", "refused", "answered", "answered"] as const) {
    picker.store.putContact(id, incarnation, outcome);
  }
  const outcomes = picker.lines.slice(before).map((line) => (JSON.parse(line) as { outcome: string }).outcome);
  assert.deepEqual(outcomes, ["refused", "refused", "answered"]);
});

test("every line is one line and of the schema, whatever names requests have", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (name) => {
      const picker = new RecordedPicker();
      picker.store.reset([specOf(0)]);
      picker.route(aRequest({ prompt: "p", model: name, requestId: name, objective: name, fairnessId: name }));
      for (const line of picker.lines) assert.ok(!line.includes("\n"));
      assert.equal(parse(picker.lines).length, picker.lines.length);
    }),
  );
});

test("endpoints that come and go leave nothing behind in the recorder but their lines", () => {
  const picker = new RecordedPicker();
  for (let life = 0; life < 50; life++) {
    picker.store.upsert(specOf(0, life));
    picker.store.remove(specOf(0).id);
  }
  const [, pool] = picker.recorder.repeatedLines({ revision: "", text: "" }).map((line) => JSON.parse(line) as object);
  assert.deepEqual(pool, { kind: "pool", atMs: 0, endpoints: [], repeated: true });
});

test("a later file begins with the pool in the order of the store, whatever joined, changed or left before", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("reset", "upsert", "remove"), fc.nat(3), fc.nat(1))), (changes) => {
      const picker = new RecordedPicker();
      picker.store.reset([specOf(0), specOf(1)]);
      for (const [kind, at, life] of changes) {
        if (kind === "reset") picker.store.reset([specOf(at, life), specOf((at + 1) % 4)]);
        else if (kind === "upsert") picker.store.upsert(specOf(at, life));
        else picker.store.remove(specOf(at).id);
      }
      const [, pool] = parse(picker.recorder.repeatedLines({ revision: "", text: "" }));
      assert.ok(pool?.kind === "pool");
      assert.deepEqual(
        pool.endpoints.map(({ incarnation }) => incarnation),
        picker.store.snapshot().map(({ incarnation }) => incarnation),
      );
      const numbers = pool.endpoints.map(({ e }) => e);
      assert.equal(new Set(numbers).size, numbers.length);
    }),
  );
});
