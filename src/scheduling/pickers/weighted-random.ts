import type { Random } from "../../lib/random.ts";
import { definePlugin } from "../plugin.ts";
import { withDiverseTail } from "./diverse-tail.ts";
import { cautionLists, type PickerParameters, pickerParameters } from "./parameters.ts";
import { shuffledIndices } from "./shuffle.ts";

/**
 * Picks with odds in proportion to the totals, without replacement (protocol 6.3): the greatest U^(1/total) come first
 * (Efraimidis and Spirakis, 2006). Totals of 0 or less come last, in random order; when all are, the pick is uniform.
 */
export const weightedRandomPicker = definePlugin<PickerParameters>({
  type: "weighted-random-picker",
  summary: "Picks at random with odds in proportion to the totals.",
  parameters: pickerParameters,
  roles: ["picker"],
  caution: cautionLists,
  create: ({ maxNumOfEndpoints }) => ({
    picker: {
      pick: ({ random }, candidates, totals) =>
        withDiverseTail(sample(candidates.length, totals, random), candidates, maxNumOfEndpoints, totals),
    },
  }),
});

function sample(count: number, totals: Float64Array, random: Random): number[] {
  const order = shuffledIndices(count, random);
  // Logarithms keep the order of U^(1/total) and do not underflow; 1 - U is never 0.
  const keys = Float64Array.from({ length: count }, (_, i) => {
    const total = totals[i] as number;
    return total > 0 ? Math.log(1 - random()) / total : Number.NEGATIVE_INFINITY;
  });
  return order.sort((a, b) => compareDescending(keys[a] as number, keys[b] as number));
}

/** Not a subtraction: two infinities would give NaN. */
function compareDescending(a: number, b: number): number {
  if (a === b) return 0;
  return a > b ? -1 : 1;
}
