import { z } from "../../lib/schema.ts";
import type { Caution } from "../plugin.ts";

/** Parameters of every picker: how many endpoints the destination lists; below 1 counts as 1 (protocol 6.3). */
export const pickerParameters = z.strictObject({
  maxNumOfEndpoints: z
    .int()
    .max(1000)
    .default(1)
    .transform((wanted) => Math.max(1, wanted)),
});

/** What a picker is made with. */
export type PickerParameters = z.infer<typeof pickerParameters>;

/** Warns of lists: an ORIGINAL_DST cluster takes a list for one address and answers 503. */
export function cautionLists({ maxNumOfEndpoints }: PickerParameters): Caution | undefined {
  if (maxNumOfEndpoints === 1) return undefined;
  const message =
    "the destination will be a list, expected 1 unless the gateway's cluster reads lists (override_host does)";
  return { parameter: "maxNumOfEndpoints", message };
}
