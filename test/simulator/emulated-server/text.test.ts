import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { blockHashes } from "../../../simulator/emulated-server/block-hash.ts";
import { Histogram, oneTwoFive } from "../../../simulator/emulated-server/histogram.ts";
import { numberText } from "../../../simulator/emulated-server/number-text.ts";
import { outputText, outputToken } from "../../../simulator/emulated-server/output-text.ts";

const numbers = [
  { value: 0, want: "0.0" },
  { value: 3, want: "3.0" },
  { value: 0.25, want: "0.25" },
  { value: 123_456.5, want: "123456.5" },
  { value: 1_048_576, want: "1.048576e+06" },
  { value: 2_000_000, want: "2e+06" },
  { value: 1_728_712_345.125, want: "1.728712345125e+09" },
  { value: Number.POSITIVE_INFINITY, want: "+Inf" },
] as const;

for (const { value, want } of numbers) {
  test(`numberText prints ${value} as ${want}`, () => {
    assert.equal(numberText(value), want);
    assert.equal(Number(want.replace("+Inf", "Infinity")), value);
  });
}

test("block hashes agree exactly as far as the texts do, block by block", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.string(), fc.string(), (start, a, b) => {
      const [left, right] = [Buffer.from(start + a), Buffer.from(start + b)];
      const [leftChain, rightChain] = [blockHashes(start + a, 64, ""), blockHashes(start + b, 64, "")];
      assert.equal(leftChain.length, Math.floor(left.length / 64));
      for (let i = 0; i < Math.min(leftChain.length, rightChain.length); i++) {
        const end = (i + 1) * 64;
        const isSame = left.subarray(0, end).equals(right.subarray(0, end));
        assert.equal(leftChain[i] === rightChain[i], isSame);
        assert.ok(Number.isSafeInteger(leftChain[i]) && leftChain[i]! > 0);
      }
    }),
  );
});

test("block hashes of other seeds differ, and no two of many blocks are equal", () => {
  const text = "x".repeat(64 * 2000);
  const seen = new Set(["", "a", "b", "a\n"].flatMap((seed) => [...blockHashes(text, 64, seed)]));
  assert.equal(seen.size, 8000);
});

test("output text is its tokens, 4 bytes each, joined", () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(300), (start, tokens) => {
      const text = outputText(start, tokens);
      assert.equal(Buffer.byteLength(text), tokens * 4);
      assert.equal(text, Array.from({ length: tokens }, (_, i) => outputToken(start, i)).join(""));
    }),
  );
});

test("a histogram counts what is at most a bucket's end, and keeps its bytes until it changes", () => {
  const histogram = new Histogram("h", "Help.", [0.5, 2], 'engine="0",model_name="m"');
  for (const value of [0.5, 1, 9]) histogram.observe(value);
  assert.equal(
    histogram.render().toString(),
    [
      "# HELP h Help.",
      "# TYPE h histogram",
      'h_bucket{engine="0",le="0.5",model_name="m"} 1.0',
      'h_bucket{engine="0",le="2.0",model_name="m"} 2.0',
      'h_bucket{engine="0",le="+Inf",model_name="m"} 3.0',
      'h_count{engine="0",model_name="m"} 3.0',
      'h_sum{engine="0",model_name="m"} 10.5',
      "",
    ].join("\n"),
  );
  assert.equal(histogram.render(), histogram.render());
  assert.deepEqual(oneTwoFive(60), [1, 2, 5, 10, 20, 50]);
});
