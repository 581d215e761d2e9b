import { randomBytes } from "node:crypto";
import type { HalfLifeBounds } from "../datastore/track-record.ts";
import { type RecordingHeader, schemaVersion } from "../recording/line.ts";
import { type RecordedConfig, Recorder } from "../recording/recorder.ts";
import { defaultRecordingLimits, RecordingFiles, type RecordingLimits } from "../recording/recording-files.ts";
import { exportRecording } from "../telemetry/recording-metrics.ts";
import { SeldomLog } from "../telemetry/seldom-log.ts";
import type { FileReports } from "./watched-files.ts";

/** What is recorded, and where. */
export interface RecordingOptions {
  readonly folder: string;
  readonly limits?: Partial<RecordingLimits> | undefined;
}

/** A recording under way. */
export interface Recording {
  /** undefined: nothing is recorded. */
  readonly recorder: Recorder | undefined;
  /** This config is in force from here on. */
  configured(config: RecordedConfig): void;
  /** Writes what waits; nothing is written afterwards. */
  close(): Promise<void>;
}

/** Stands for a recording where none is asked for. */
export const unrecorded: Recording = { recorder: undefined, configured: () => {}, close: async () => {} };

/** What the header of every file says of the process. */
export interface RecordedProcess {
  readonly pool: string;
  readonly source: RecordingHeader["source"];
  readonly halfLife: HalfLifeBounds;
}

/** Begins a recording. Rejects with one line when the folder cannot be written to. */
export async function startRecording(
  { folder, limits }: RecordingOptions,
  { pool, source, halfLife }: RecordedProcess,
  { clock, registry, logger }: FileReports,
): Promise<Recording> {
  const startedAt = new Date(clock.wallMs()).toISOString();
  const name = `${startedAt.replaceAll(/[-:]/g, "").slice(0, 15)}Z-${randomBytes(3).toString("hex")}`;
  const seldom = new SeldomLog(clock);
  let config: RecordedConfig = { revision: "", text: "" };
  const sink = { write: (line: string): void => files.write(line) };
  const recorder = new Recorder({ sink, clock, hashKey: randomBytes(8).readBigUInt64LE() });
  const begin = (file: number): readonly string[] => {
    const header: RecordingHeader = {
      kind: "header",
      schemaVersion,
      recording: name,
      file,
      pool,
      source,
      startedAt: new Date(clock.wallMs()).toISOString(),
      startedAtMs: clock.nowMs(),
      corrections: true,
      halfLifeMs: { min: halfLife.minMs, max: halfLife.maxMs },
    };
    const lines = [JSON.stringify(header)];
    if (file === 1) return lines;
    // The files before may be gone when this one is read.
    recorder.repeatSamples();
    return [...lines, ...recorder.repeatedLines(config)];
  };
  const files = await RecordingFiles.open({
    folder,
    recording: name,
    limits: { ...defaultRecordingLimits, ...limits },
    clock,
    begin,
    failed: (error) => {
      registry.metrics.recordingFailures.inc();
      seldom.about("recording", () =>
        logger.error({ folder, problem: error.message }, "Cannot write the recording, lines are dropped meanwhile"),
      );
    },
  });
  exportRecording(registry, () => files.state);
  logger.info({ folder, recording: name }, "Recording decisions and samples, no text of requests");
  return {
    recorder,
    configured: (next) => {
      config = next;
      recorder.configured(next);
    },
    close: async () => {
      recorder.end();
      await files.close();
    },
  };
}
