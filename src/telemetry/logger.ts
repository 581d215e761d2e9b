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

/** Most bytes of lines that wait for a reader of standard error; what comes beyond them is dropped (reliability F76). */
const maxWaitingBytes = 1024 * 1024;

/**
 * JSON lines on standard error, so that standard output stays free for what a command prints. Writing never waits; when lines
 * were dropped, the next line that gets through is followed by their number.
 */
export function createLogger(verbosity: number): Logger {
  const destination = pino.destination({ fd: 2, sync: false, maxLength: maxWaitingBytes });
  const logger = pino({ level: levelOf(verbosity), base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  let dropped = 0;
  destination.on("drop", () => dropped++);
  destination.on("drain", () => {
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    logger.warn({ dropped: count }, "Log lines dropped: nobody had read those before");
  });
  return logger;
}

/** For tests and tools that want no log. */
export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
