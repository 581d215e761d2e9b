import { pino } from "pino";

/** Structured log lines: a static message and its data. Data never holds bytes of a prompt or a response. */
export interface Logger {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}

/** Levels by the verbosity number of `-v` (protocol 1.11): 1 and below only what needs action, 4 and above every request. */
export function levelOf(verbosity: number): "warn" | "info" | "debug" {
  if (verbosity < 2) return "warn";
  return verbosity < 4 ? "info" : "debug";
}

/** JSON lines on standard error, so that standard output stays free for what a command prints. */
export function createLogger(verbosity: number): Logger {
  return pino(
    { level: levelOf(verbosity), base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: false }),
  );
}

/** For tests and tools that want no log. */
export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
