import { type AskOptions, askPicker, formatPicker, type PickerAddress } from "./ask-picker.ts";
import { type DecisionsOfRequest, decisionsOfRequestSchema } from "./decision-record.ts";
import { printableText } from "../lib/printable-text.ts";
import { tellDecision } from "./story.ts";

/** The decisions of a request id that a running picker keeps, newest first; none when it keeps none. Rejects as `askPicker`. */
export async function findDecisions(
  picker: PickerAddress,
  requestId: string,
  options: AskOptions = {},
): Promise<DecisionsOfRequest> {
  const path = `/debug/decisions/${encodeURIComponent(requestId)}`;
  const page = await askPicker(picker, path, "decisions", { ...options, accepted: [200, 404] });
  const parsed = decisionsOfRequestSchema.safeParse(page);
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new Error(
    `Cannot read decisions from http://${formatPicker(picker)}: found no decisions of schema version 1${at === "" ? "" : ` (${at})`}`,
  );
}

/** The stories of all decisions of a request id; empty without any. */
export function tellDecisions({ decisions }: DecisionsOfRequest): string {
  const several = decisions.length <= 1 ? [] : [`${decisions.length} decisions have this request id, newest first.`];
  return [...several, ...decisions.map(tellDecision)].join("\n\n");
}

/** What to say when there is no decision of a request id: how far back the picker remembers. */
export function tellMissing({ requestId, kept: { records, spanSeconds } }: DecisionsOfRequest): string {
  const reach = records === 0 ? "it keeps none yet" : `it keeps the last ${records}, ${formatSpan(spanSeconds)} back`;
  return `no decision of request "${printableText(requestId)}" is kept by this picker: ${reach}`;
}

/** A length of time in a unit that fits: seconds, minutes or hours. */
export function formatSpan(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
