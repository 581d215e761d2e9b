import assert from "node:assert/strict";
import { test } from "node:test";
import type { Anchor, Arm } from "../../../simulator/validation/anchor.ts";
import { hotSpot, nullCase, staleness } from "../../../simulator/validation/load-anchors.ts";
import { type AnchorResult, runAnchor } from "../../../simulator/validation/run-anchor.ts";
import { prefixFactor, prefixOrder } from "../../../simulator/validation/shared-prefix-anchors.ts";

/** An anchor without all but the first of its loads and the named arms: order and direction in seconds. */
function small(anchor: Anchor, arms: readonly string[]): Anchor {
  const isChosen = ({ name }: Arm): boolean => arms.includes(name);
  return {
    ...anchor,
    loads: (seed, scale) => anchor.loads(seed, scale).slice(0, 1),
    arms: anchor.arms.filter(isChosen),
    figures: anchor.figures.filter(({ label }) => !/^(peak|knee)/.test(label)),
    claims: [],
    order: undefined,
  };
}

function reader({ figures }: AnchorResult): (label: string, arm: string) => number {
  return (label, arm) => {
    const found = figures.find((one) => one.figure.label === label && one.arm === arm);
    assert.ok(found !== undefined, `${label} of ${arm}`);
    return found.ours.mean;
  };
}

test("A1, A3: prefixes carry much more than round robin at 60 requests/s, with a hundredth of the TTFT", () => {
  const of = reader(runAnchor(small(prefixFactor, ["round-robin", "go-default"]), { seeds: 1, scale: 0.5 }));
  const rate = (arm: string): number => of("requests/s at 60/s, until the last answer", arm);
  assert.ok(rate("go-default") > 1.2 * rate("round-robin"), `${rate("go-default")} and ${rate("round-robin")}`);
  assert.ok(of("TTFT p90 at 60/s, s", "go-default") * 100 < of("TTFT p90 at 60/s, s", "round-robin"));
});

test("A2: load alone is as random, prefixes are better than both", () => {
  const of = reader(runAnchor(small(prefixOrder, ["go-default", "go-load-only", "random"]), { seeds: 2, scale: 0.5 }));
  const output = (arm: string): number => of("output tokens/s", arm);
  assert.ok(Math.abs(output("go-load-only") / output("random") - 1) < 0.1);
  assert.ok(output("go-default") > 1.2 * output("random"));
});

test("A6: prefix alone fails requests on a hot prefix, load beside it does not", () => {
  const of = reader(runAnchor(small(hotSpot, ["prefix-only", "default"]), { seeds: 1 }));
  assert.ok(of("success, %", "prefix-only") < 90);
  assert.ok(of("success, %", "default") > 99);
});

test("A11: old samples cost time, corrections give it back", () => {
  const arms = ["raw, 1 ms", "raw, 1000 ms", "corrected, 1000 ms"];
  const of = reader(runAnchor(small(staleness, arms), { seeds: 2 }));
  assert.ok(of("TTFT p99, ms", "raw, 1000 ms") > of("TTFT p99, ms", "raw, 1 ms"));
  assert.ok(of("TTFT p99, ms", "corrected, 1000 ms") < of("TTFT p99, ms", "raw, 1 ms"));
  assert.equal(of("TTFT p99 over fresh, %", "raw, 1 ms"), 0);
});

test("A22: without anything to know all policies are within 5 %", () => {
  const result = runAnchor(nullCase, { seeds: 1, scale: 0.5 });
  const [e2e, output] = result.claims;
  assert.deepEqual([e2e?.isMet, output?.isMet], [true, true]);
});

test("runs of an anchor are the same again", () => {
  const anchor = small(hotSpot, ["go-default"]);
  const values = (): unknown => runAnchor(anchor, { seeds: 1, scale: 0.1 }).figures.map(({ bySeed }) => bySeed);
  assert.deepEqual(values(), values());
});
