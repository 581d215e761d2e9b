import type { Command } from "commander";
import type { RecordingOptions } from "../main/recording.ts";
import { defaultRecordingLimits } from "../recording/recording-files.ts";
import { byteSizeValue } from "./option-values.ts";

/** How large a recording may grow, as commander gives it. */
export interface RecordingSizeFlags {
  readonly recordFileBytes: number;
  readonly recordTotalBytes: number;
}

/** Declares the flags about the size of recordings. */
export function addRecordingSizeFlags(command: Command): Command {
  const { fileBytes, totalBytes } = defaultRecordingLimits;
  return command
    .option("--record-file-bytes <size>", "size at which another file is begun", byteSizeValue, fileBytes)
    .option("--record-total-bytes <size>", "of all recordings of the folder, the oldest go", byteSizeValue, totalBytes);
}

/** A recording to `folder`, with this process made ready for a limit of the system on the size of files. */
export function recordTo(folder: string, { recordFileBytes, recordTotalBytes }: RecordingSizeFlags): RecordingOptions {
  // The system would end a process that passes its limit; with a listener the write fails, which is reported and counted.
  process.on("SIGXFSZ", () => {});
  return { folder, limits: { fileBytes: recordFileBytes, totalBytes: recordTotalBytes } };
}
