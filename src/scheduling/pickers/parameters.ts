import { z } from "../../lib/schema.ts";

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
