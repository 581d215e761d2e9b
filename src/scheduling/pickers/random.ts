import { definePlugin } from "../plugin.ts";
import { withDiverseTail } from "./diverse-tail.ts";
import { cautionLists, type PickerParameters, pickerParameters } from "./parameters.ts";
import { shuffledIndices } from "./shuffle.ts";

/** Picks at random, whatever the totals (protocol 6.3). */
export const randomPicker = definePlugin<PickerParameters>({
  type: "random-picker",
  summary: "Picks any endpoint, all equally likely.",
  parameters: pickerParameters,
  roles: ["picker"],
  caution: cautionLists,
  create: ({ maxNumOfEndpoints }) => ({
    picker: {
      pick: ({ random }, candidates) => {
        const { length } = candidates;
        if (maxNumOfEndpoints === 1 && length > 0) return [Math.floor(random() * length)];
        return withDiverseTail(shuffledIndices(length, random), candidates, maxNumOfEndpoints, undefined);
      },
    },
  }),
});
