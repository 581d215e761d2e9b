import type { MetricsRegistry } from "./registry.ts";

/** What the counters of a recording show; totals since it began. */
export interface RecordingTotals {
  readonly bytes: number;
  readonly lines: number;
  readonly droppedLines: number;
}

/** Exports what a recording has written and dropped, read whenever metrics are collected. */
export function exportRecording(registry: MetricsRegistry, read: () => RecordingTotals): void {
  const { recordingBytes, recordingLines, recordingDropped } = registry.metrics;
  let told: RecordingTotals = { bytes: 0, lines: 0, droppedLines: 0 };
  registry.onCollect(() => {
    const now = read();
    recordingBytes.inc(now.bytes - told.bytes);
    recordingLines.inc(now.lines - told.lines);
    recordingDropped.inc(now.droppedLines - told.droppedLines);
    told = { ...now };
  });
}
