import type { OpenedRecord } from "../../simulator/experiment/open-record.ts";
import type { ExperimentPlan } from "../../simulator/experiment/plan.ts";
import type { GateResult } from "../../simulator/gate/gate.ts";
import { UsageError } from "./exit.ts";
import type { SimulateFlags } from "./simulate-flags.ts";
import { toSpec } from "./simulate-plan.ts";

/**
 * The plan with what its gate found: what was recorded is simulated first. Throws an error of one line, the table of errors before it on
 * standard error, when several policies are to be ranked and the record is not reproduced, unless `--despite-gate`; UsageError
 * for flags of the gate without a record.
 */
export async function passGate(
  plan: ExperimentPlan,
  record: OpenedRecord | undefined,
  flags: SimulateFlags,
): Promise<ExperimentPlan> {
  if (record?.kind !== "recording") {
    if (flags.recordedPolicy !== undefined) refuseFlag("--recorded-policy");
    if (flags.despiteGate === true) refuseFlag("--despite-gate");
    return plan;
  }
  const { gateRecording } = await import("../../simulator/gate/gate-recording.ts");
  const given = flags.recordedPolicy;
  const gate = await gateRecording(plan, record.run, given === undefined ? undefined : toSpec(given));
  const isRanking = plan.policies.length > 1;
  if (isRanking && !gate.passes && flags.despiteGate !== true) await refuseRanking(gate, plan.load.source);
  return { ...plan, gate };
}

function refuseFlag(flag: string): never {
  throw new UsageError(`cannot use ${flag}: only a recorded load has a recorded policy`);
}

async function refuseRanking(gate: GateResult, source: string): Promise<never> {
  const { formatGate } = await import("./gate-view.ts");
  process.stderr.write(`${formatGate(gate)}\n`);
  const wrong = gate.rows.filter(({ passes }) => passes === false).map(({ what }) => what);
  const found = wrong.length === 0 ? "nothing to compare with" : `${wrong.join(", ")} too far off`;
  throw new Error(
    `Cannot rank policies on "${source}": the simulated ${gate.policy} has ${found}, expected what was recorded (--despite-gate ranks all the same)`,
  );
}
