import type { RecordingOptions } from "../main/recording.ts";

/** Where a recording goes, and how large it may grow. */
export interface RecordingFlags {
  readonly record: string;
  readonly recordFileBytes: number;
  readonly recordTotalBytes: number;
}

/** What the flags say, with this process made ready for a limit of the system on the size of files. */
export function recordingFolder({ record, recordFileBytes, recordTotalBytes }: RecordingFlags): RecordingOptions {
  // The system would end a process that passes its limit; with a listener the write fails, which is reported and counted.
  process.on("SIGXFSZ", () => {});
  return { folder: record, limits: { fileBytes: recordFileBytes, totalBytes: recordTotalBytes } };
}
