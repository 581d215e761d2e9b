import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TokenEstimator } from "../../src/datastore/token-estimator.ts";

const source = (promptBytes: number, maxOutputTokens?: number, targetModel = "base") => ({
  targetModel,
  promptBytes,
  maxOutputTokens,
});

test("TokenEstimator starts at 4 bytes a token, rounded up, and the request's bound", () => {
  const tokens = new TokenEstimator();
  assert.deepEqual(tokens.estimate(source(9, 20)), { inputTokens: 3, outputTokens: 20 });
  assert.deepEqual(tokens.estimate(source(0)), { inputTokens: 0, outputTokens: undefined });
});

test("TokenEstimator learns bytes a token and the usual answer of each model", () => {
  const tokens = new TokenEstimator();
  for (let i = 0; i < 200; i++) tokens.learn(source(2000), { promptTokens: 1000, completionTokens: 50 });
  assert.ok(Math.abs(tokens.bytesPerToken("base") - 2) < 0.01);
  assert.equal(tokens.estimate(source(2000)).inputTokens, 1000);
  assert.equal(tokens.estimate(source(2000, 4096)).outputTokens, 50);
  assert.equal(tokens.estimate(source(2000, 10)).outputTokens, 10, "never beyond the bound");
  assert.equal(tokens.bytesPerToken("other"), 4);
});

test("TokenEstimator learns less from a short prompt than from a long one", () => {
  const [short, long] = [new TokenEstimator(), new TokenEstimator()];
  short.learn(source(20), { promptTokens: 10, completionTokens: undefined });
  long.learn(source(2000), { promptTokens: 1000, completionTokens: undefined });
  assert.ok(short.bytesPerToken("base") > long.bytesPerToken("base"));
});

test("TokenEstimator stays within what a tokenizer can mean, whatever servers report", () => {
  const count = fc.oneof(fc.constant(undefined), fc.double(), fc.integer({ min: -5, max: 1e9 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1e7), count, count), { maxLength: 50 }), (reports) => {
      const tokens = new TokenEstimator();
      for (const [bytes, promptTokens, completionTokens] of reports) {
        tokens.learn(source(bytes), { promptTokens, completionTokens });
      }
      const { inputTokens, outputTokens = 0 } = tokens.estimate(source(1000));
      assert.ok(inputTokens >= 1000 / 32 && inputTokens <= 2000, `${inputTokens}`);
      assert.ok(Number.isFinite(outputTokens) && outputTokens >= 0, `${outputTokens}`);
    }),
  );
});

test("TokenEstimator keeps the models used last", () => {
  const tokens = new TokenEstimator();
  for (let i = 0; i < 1001; i++) {
    for (let n = 0; n < 30; n++) tokens.learn(source(2000, 1, `m${i}`), { promptTokens: 1000, completionTokens: 1 });
  }
  assert.equal(tokens.bytesPerToken("m0"), 4);
  assert.ok(tokens.bytesPerToken("m1000") < 2.2);
});
