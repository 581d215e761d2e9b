import assert from "node:assert/strict";
import test from "node:test";
import { histogramQuantile } from "../../../simulator/demo/histogram-quantile.ts";

const page = `# HELP decide_seconds Time.
# TYPE decide_seconds histogram
decide_seconds_bucket{le="0.001"} 50
decide_seconds_bucket{le="0.002"} 90
decide_seconds_bucket{le="+Inf"} 100
decide_seconds_sum 0.1
decide_seconds_count 100
other_decide_seconds_bucket{le="0.001"} 7
empty_seconds_bucket{le="1"} 0
empty_seconds_bucket{le="+Inf"} 0
`;

const cases: readonly { name: string; histogram: string; share: number; want: number }[] = [
  { name: "is linear in the first bucket", histogram: "decide_seconds", share: 0.25, want: 0.0005 },
  { name: "is the bound at the end of a bucket", histogram: "decide_seconds", share: 0.5, want: 0.001 },
  { name: "is linear in a later bucket", histogram: "decide_seconds", share: 0.7, want: 0.0015 },
  { name: "is the last bound beyond it", histogram: "decide_seconds", share: 0.99, want: 0.002 },
  { name: "is NaN for an empty histogram", histogram: "empty_seconds", share: 0.5, want: Number.NaN },
  { name: "is NaN for a histogram that is not there", histogram: "absent", share: 0.5, want: Number.NaN },
];
for (const { name, histogram, share, want } of cases) {
  test(`histogramQuantile ${name}`, () => {
    const found = histogramQuantile(page, histogram, share);
    assert.ok(Number.isNaN(want) ? Number.isNaN(found) : Math.abs(found - want) < 1e-9, `${found}`);
  });
}
