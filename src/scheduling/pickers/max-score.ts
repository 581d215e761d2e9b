import type { Random } from "../../lib/random.ts";
import { definePlugin } from "../plugin.ts";
import { withDiverseTail } from "./diverse-tail.ts";
import { cautionLists, type PickerParameters, pickerParameters } from "./parameters.ts";
import { shuffledIndices } from "./shuffle.ts";

/** Picks the greatest totals; equal totals in random order, so that equal endpoints share the load (protocol 6.3). */
export const maxScorePicker = definePlugin<PickerParameters>({
  type: "max-score-picker",
  summary: "Picks the endpoint with the greatest total, at random among equals.",
  parameters: pickerParameters,
  roles: ["picker"],
  caution: cautionLists,
  create: ({ maxNumOfEndpoints }) => ({
    picker: {
      pick: ({ random }, candidates, totals) => {
        const { length } = candidates;
        if (maxNumOfEndpoints === 1 || length <= 1) return pickGreatest(length, totals, random);
        const ranking = shuffledIndices(length, random).sort((a, b) => (totals[b] as number) - (totals[a] as number));
        return withDiverseTail(ranking, candidates, maxNumOfEndpoints, totals);
      },
    },
  }),
});

/** Same odds as shuffling all and sorting, with one pass and at most one draw. */
function pickGreatest(count: number, totals: Float64Array, random: Random): number[] {
  if (count === 0) return [];
  let best = 0;
  let ties = 1;
  for (let i = 1; i < count; i++) {
    const total = totals[i] as number;
    if (total > (totals[best] as number)) {
      best = i;
      ties = 1;
    } else if (total === totals[best]) ties++;
  }
  if (ties === 1) return [best];
  const skip = Math.floor(random() * ties);
  const greatest = totals[best];
  for (let seen = 0, i = best; ; i++) {
    if (totals[i] === greatest && seen++ === skip) return [i];
  }
}
