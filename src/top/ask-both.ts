import { askPicker, formatPicker, type PickerAddress } from "../decisions/ask-picker.ts";
import { decisionsPageSchema } from "../decisions/decisions-page.ts";
import { endpointsPageSchema } from "../decisions/endpoints-page.ts";
import type { z } from "../lib/schema.ts";
import type { Answered } from "./screen.ts";

/** Decisions shown. */
const decisionLimit = 100;
const timeoutMs = 3_000;

/** Asks a picker for its endpoints and its newest decisions. Rejects when it cannot be reached or answers something else. */
export async function askBoth(picker: PickerAddress): Promise<Answered> {
  const [endpoints, decisions] = await Promise.all([
    ask(picker, "/debug/endpoints", "endpoints", endpointsPageSchema),
    ask(picker, `/debug/decisions?limit=${decisionLimit}`, "decisions", decisionsPageSchema),
  ]);
  return { endpoints, decisions };
}

async function ask<T>(picker: PickerAddress, path: string, what: string, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await askPicker(picker, path, what, { timeoutMs }));
  if (parsed.success) return parsed.data;
  throw new Error(`Cannot read ${what} from http://${formatPicker(picker)}: found no ${what} of schema version 1`);
}
