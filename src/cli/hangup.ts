import { isatty } from "node:tty";
import type { Logger } from "../telemetry/logger.ts";

/** Signals that stop a picker; at a terminal its hangup too, so that none is left behind without one. */
export function stopSignals(): readonly NodeJS.Signals[] {
  return isatty(0) ? ["SIGTERM", "SIGINT", "SIGHUP"] : ["SIGTERM", "SIGINT"];
}

/** Away from a terminal SIGHUP asks a service to read its files again, which happens every second anyhow: it stops nothing. */
export function answerHangup(logger: Logger): void {
  if (stopSignals().includes("SIGHUP")) return;
  process.on("SIGHUP", () => {
    logger.info({ signal: "SIGHUP" }, "Nothing to do: changed files are read within a second, without a signal");
  });
}
