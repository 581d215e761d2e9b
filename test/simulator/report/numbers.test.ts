import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatChangeWithin,
  formatCount,
  formatNumber,
  formatShare,
  formatWithin,
} from "../../../simulator/report/numbers.ts";

test("numbers have three digits, groups of thousands, and a dash for none", () => {
  const rows: [value: number, text: string][] = [
    [0, "0"],
    [0.01234, "0.0123"],
    [-0.5, "-0.5"],
    [7.694, "7.69"],
    [42, "42.0"],
    [812.4, "812"],
    [1234.5, "1,235"],
    [12_345_678, "12,345,678"],
    [Number.NaN, "-"],
    [Number.POSITIVE_INFINITY, "-"],
  ];
  for (const [value, text] of rows) assert.equal(formatNumber(value), text);
  assert.equal(formatCount(12_031), "12,031");
  assert.equal(formatCount(999), "999");
});

test("half an interval has the decimals of its mean", () => {
  assert.equal(formatWithin(7.694, 0.0058), "7.69 ±0.01");
  assert.equal(formatWithin(9590, 1190), "9,590 ±1,190");
});

test("changes are signed percentages", () => {
  assert.equal(formatChangeWithin({ difference: -0.41, low: -0.45, high: -0.37 }), "-41 % (-45 to -37)");
  assert.equal(formatChangeWithin({ difference: 0.005, low: -0.002, high: 0.012 }), "+0.5 % (-0.2 to +1.2)");
  assert.equal(formatChangeWithin({ difference: 0.2, low: null, high: null }), "+20 %");
  assert.equal(formatChangeWithin({ difference: null, low: null, high: null }), "-");
});

test("shares are percentages", () => {
  assert.deepEqual([0, 0.059, 0.64, 1, Number.NaN].map(formatShare), ["0.0 %", "5.9 %", "64 %", "100 %", "-"]);
});
