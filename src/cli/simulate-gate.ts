import type { OpenedRecord } from "../../simulator/experiment/open-record.ts";
import type { ExperimentPlan } from "../../simulator/experiment/plan.ts";
import type { GateResult } from "../../simulator/gate/gate.ts";
import { UsageError } from "./exit.ts";
import type { SimulateFlags } from "./simulate-flags.ts";
import { toSpec } from "./simulate-plan.ts";

/**
 * The plan with what its gate found: what was recorded is simulated first. Rejects with an error of one line, the table of errors before it on
 * standard error, when several policies are to be ranked and the record is not reproduced, unless `--despite-gate`; with UsageError
 * for flags of the gate without a record, and for a ranking on metrics of which nobody says what served them.
 */
export async function passGate(
  plan: ExperimentPlan,
  record: OpenedRecord | undefined,
  flags: SimulateFlags,
): Promise<ExperimentPlan> {
  const isRanking = plan.policies.length > 1;
  const isIgnored = flags.despiteGate === true;
  const gate = await findGate(plan, record, flags);
  if (gate === undefined) return plan;
  if (isRanking && !gate.passes && !isIgnored) await refuseRanking(gate, plan.load.source);
  return { ...plan, gate: isIgnored ? { ...gate, isIgnored } : gate };
}

async function findGate(
  plan: ExperimentPlan,
  record: OpenedRecord | undefined,
  { recordedPolicy, despiteGate }: SimulateFlags,
): Promise<GateResult | undefined> {
  if (record === undefined) {
    if (recordedPolicy !== undefined) refuseFlag("--recorded-policy");
    if (despiteGate === true) refuseFlag("--despite-gate");
    return undefined;
  }
  const policy = recordedPolicy === undefined ? undefined : toSpec(recordedPolicy);
  if (record.kind === "recording") {
    const { gateRecording } = await import("../../simulator/gate/gate-recording.ts");
    return gateRecording(plan, record.run, policy);
  }
  if (policy !== undefined) {
    const { gateMetrics } = await import("../../simulator/gate/gate-metrics.ts");
    return gateMetrics(plan, record.metrics, policy);
  }
  if (plan.policies.length < 2 || despiteGate === true) return undefined;
  throw new UsageError(
    "cannot rank policies on metrics without --recorded-policy: they do not say what served the requests (random for a plain Kubernetes Service; --despite-gate ranks all the same)",
  );
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
