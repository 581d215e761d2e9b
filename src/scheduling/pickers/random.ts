import { definePlugin } from "../plugin.ts";
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
      pick: ({ random }, { length }) =>
        maxNumOfEndpoints === 1 && length > 0
          ? [Math.floor(random() * length)]
          : shuffledIndices(length, random).slice(0, maxNumOfEndpoints),
    },
  }),
});
