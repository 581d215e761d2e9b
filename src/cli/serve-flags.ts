import type { Command } from "commander";
import type { Logger } from "../telemetry/logger.ts";
import { UsageError } from "./exit.ts";

/** Flags of the reference picker (protocol 7.1) that have no equivalent here: accepted, with one line in the log. */
export const acceptedFlags = [
  "--tracing",
  "--enable-pprof",
  "--zap-devel",
  "--zap-encoder",
  "--zap-log-level",
  "--zap-stacktrace-level",
  "--zap-time-encoding",
  "--refresh-prometheus-metrics-interval",
] as const;

/** Flags that this version does not have yet, with what to do instead: refused, never ignored. */
export const unavailableFlags: Readonly<Record<string, string>> = {
  "--total-queued-requests-metric": "deprecated; name metrics in the config's engineConfigs",
  "--total-running-requests-metric": "deprecated; name metrics in the config's engineConfigs",
  "--kv-cache-usage-percentage-metric": "deprecated; name metrics in the config's engineConfigs",
  "--lora-info-metric": "deprecated; name metrics in the config's engineConfigs",
  "--cache-info-metric": "deprecated; name metrics in the config's engineConfigs",
};

/** Declares both kinds, hidden from help. */
export function addAcceptedFlags(command: Command): void {
  for (const flag of [...acceptedFlags, ...Object.keys(unavailableFlags)]) {
    command.addOption(command.createOption(`${flag} [value]`).hideHelp());
  }
}

/** Throws UsageError for the first flag given that is not available. */
export function refuseUnavailable(command: Command): void {
  for (const [flag, hint] of Object.entries(unavailableFlags)) {
    if (isGiven(command, flag)) throw new UsageError(`cannot use ${flag}: ${hint}`);
  }
}

/** One line for each flag given that has no effect here. */
export function warnAcceptedFlags(command: Command, logger: Logger): void {
  const given = acceptedFlags.filter((flag) => isGiven(command, flag));
  if (given.length > 0) logger.warn({ flags: given }, "Flags without an effect in this picker");
}

function isGiven(command: Command, flag: string): boolean {
  const key = flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return command.getOptionValueSource(key) === "cli";
}
