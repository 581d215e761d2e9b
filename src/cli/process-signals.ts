import { isatty } from "node:tty";
import type { Logger } from "../telemetry/logger.ts";

/** Signals that stop a picker; at a terminal its hangup too, so that none is left behind without one. */
export function stopSignals(): readonly NodeJS.Signals[] {
  return isatty(0) ? ["SIGTERM", "SIGINT", "SIGHUP"] : ["SIGTERM", "SIGINT"];
}

/**
 * Signals that stop nothing. Away from a terminal SIGHUP asks a service to read its files again, which happens every second
 * anyhow. SIGUSR1 opens Node's inspector where nobody listens for it, and with it the whole process (reliability T42).
 */
export function answerOtherSignals(logger: Logger): void {
  process.on("SIGUSR1", () => logger.warn({ signal: "SIGUSR1" }, "Nothing to do: there is no inspector"));
  if (stopSignals().includes("SIGHUP")) return;
  process.on("SIGHUP", () => {
    logger.info({ signal: "SIGHUP" }, "Nothing to do: changed files are read within a second, without a signal");
  });
}
