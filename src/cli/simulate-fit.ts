import type { OpenedRecord } from "../../simulator/experiment/open-record.ts";
import type { ExperimentPlan } from "../../simulator/experiment/plan.ts";
import { UsageError } from "./exit.ts";
import type { SimulateFlags } from "./simulate-flags.ts";
import { writeText } from "./write-text.ts";

/**
 * The plan with coefficients fitted to its record, which `--fit` asks for and `--fit-out` writes to a file. Rejects with an error that
 * names the record when it does not identify them, and with UsageError where there is none.
 */
export async function fitPlan(
  plan: ExperimentPlan,
  record: OpenedRecord | undefined,
  flags: SimulateFlags,
): Promise<ExperimentPlan> {
  if (flags.fit !== true) {
    if (flags.fitOut !== undefined) throw new UsageError("cannot use --fit-out without --fit");
    return plan;
  }
  if (record === undefined) {
    throw new UsageError("cannot use --fit: only --metrics and --recording say how long steps took");
  }
  const { fitRecord } = await import("../../simulator/experiment/fit-record.ts");
  const fitted = fitRecord(record, plan.load.source, plan.preset);
  if (flags.fitOut !== undefined) {
    const { formatCoefficients } = await import("../../simulator/experiment/fitted-replica.ts");
    writeText(flags.fitOut, formatCoefficients(fitted));
  }
  return { ...plan, fitted };
}
