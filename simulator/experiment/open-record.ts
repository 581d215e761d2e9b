import type { RecordedMetrics } from "../metrics/recorded-metrics.ts";
import type { RecordedRun } from "../recording/recorded-run.ts";
import type { LoadSpec } from "./plan.ts";

/** What was recorded, read once: the load and the gate are made from it. */
export type OpenedRecord =
  | { readonly kind: "recording"; readonly run: RecordedRun }
  | { readonly kind: "metrics"; readonly metrics: RecordedMetrics };

/** Servers of the recorded pool: of a recording those there were at once, of metrics all that showed any. 0: the record names none. */
export function countServers(record: OpenedRecord): number {
  return record.kind === "recording" ? record.run.endpoints : record.metrics.endpoints.length;
}

/** Reads the record of `spec`; undefined for a load that is none. Rejects with an error that names it when it cannot be read. */
export async function openRecord({ kind, source }: LoadSpec): Promise<OpenedRecord | undefined> {
  if (kind === "recording") {
    const { openRecording } = await import("../recording/read-recording.ts");
    const { collectRun } = await import("../recording/recorded-run.ts");
    return { kind, run: collectRun(openRecording(source)) };
  }
  if (kind !== "metrics") return undefined;
  const { readMetrics } = await import("../metrics/read-metrics.ts");
  return { kind, metrics: readMetrics(source) };
}
