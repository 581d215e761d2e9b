import { type FittedReplica, replicaOverrides } from "../experiment/fitted-replica.ts";
import type { GateResult } from "../gate/gate.ts";
import { kneeShare } from "../experiment/knee.ts";
import type { PoolChange, PoolChangeKind } from "../engine/options.ts";
import { poolChangesOf } from "../experiment/pool-changes-of.ts";
import type { ExperimentPlan } from "../experiment/plan.ts";
import type { CellResult, ExperimentResult } from "../experiment/result.ts";
import { presetConfig } from "../replica/presets.ts";
import { describeCell } from "./describe-cell.ts";
import { formatCount, formatNumber, formatShare } from "./numbers.ts";

/** Above this share of busy time a pool counts as saturated. */
const saturatedBusyRatio = 0.95;

/** What a reader has to know to believe the figures no further than they go, a sentence each. */
export function listAssumptions({ plan, cells, knees }: ExperimentResult): string[] {
  const { slo, circumstances, preset, fitted, mode, gate } = plan;
  const lines = [
    `Trust the order of the policies, not the milliseconds: ${originOf(preset, fitted)}`,
    describeStep(plan),
    `Latency counts from the intended arrival. Good: first token within ${formatNumber(slo.ttftMs)} ms and tokens ${formatNumber(slo.tpotMs)} ms apart on the mean; refused, failed and unfinished requests are not good.`,
    ...cells.slice(0, 1).map((cell) => describeWarmUp(cell, plan.isCold)),
  ];
  lines.push(describeIntervals(plan), ...describeVariation(plan));
  if (knees.length > 0) {
    lines.push(
      `The knee is the greatest rate at which ${formatShare(kneeShare)} of the requests are good that are good at a fiftieth of the rate scale it began with; the policies were compared at the greatest knee.`,
    );
  }
  if (plan.recordedReplicas !== undefined) lines.push(describeServers(plan.recordedReplicas, cells));
  if (plan.load.kind === "metrics") lines.push(describeReconstruction(gate));
  lines.push(...describeChanges(poolChangesOf(plan.load), cells));
  if (gate !== undefined) lines.push(describeGate(gate));
  if (mode === "exact") lines.push("Every step was taken by itself.");
  if (circumstances.oracleLengths) lines.push("Policies saw the true length of answers: bounds, not results.");
  if (cells.some(isSaturated)) {
    lines.push(
      "A pool was saturated or left requests unfinished: coefficients are calibrated nowhere near that, and latencies grow with the length of the load.",
    );
  }
  return lines;
}

function describeServers(recorded: number, cells: readonly CellResult[]): string {
  const servers = recorded === 1 ? "1 server" : `${recorded} servers`;
  const others = [...new Set(cells.map(({ replicas }) => replicas))].filter((replicas) => replicas !== recorded);
  if (others.length === 0) return `The record is of ${servers}, and as many were simulated.`;
  return `The record is of ${servers}, but ${others.join(", ")} were simulated (--replicas): each has another share of the load than the recorded ones.`;
}

const changeTexts: Readonly<Record<PoolChangeKind, string>> = {
  joins: "joins",
  leaves: "leaves",
  dies: "dies",
  "metrics-freeze": "freezes its metrics",
  "metrics-thaw": "thaws its metrics",
};

function describeChanges(changes: readonly PoolChange[], cells: readonly CellResult[]): string[] {
  if (changes.length === 0) return [];
  return [
    `The pool changes: ${changes.map(tellChange).join(", ")}. Policies learn at once who is there; clients whose server died do not try again.`,
    ...cells.flatMap((cell) => describeTooLate(changes, cell, cells.length > 1)),
  ];
}

/** Changes do not scale with the rate: a load that was cut or sped up may end before them. */
function describeTooLate(changes: readonly PoolChange[], cell: CellResult, isOneOfMany: boolean): string[] {
  const tooLate = changes.filter(({ atMs }) => atMs > cell.lastArrivalMs);
  if (tooLate.length === 0) return [];
  const where = isOneOfMany ? `${describeCell(cell)}: the` : "The";
  return [
    `${where} last request arrives at ${formatNumber(cell.lastArrivalMs / 1000)} s (--limit and --rate-scale end a load sooner), and none is sent after these changes: ${tooLate.map(tellChange).join(", ")}.`,
  ];
}

function tellChange({ atMs, replica, kind }: PoolChange): string {
  return `replica ${replica} ${changeTexts[kind]} at ${formatNumber(atMs / 1000)} s`;
}

function describeStep({ preset, fitted }: ExperimentPlan): string {
  const { coefficients, kvTokens, requestOverheadMs } = presetConfig(preset, replicaOverrides(preset, fitted));
  const { baseMs, perRequestUs, perContextTokenUs, perPrefillTokenUs, attentionNs } = coefficients;
  return `A step takes ${shorten(baseMs)} ms + ${shorten(perRequestUs)} us a request + ${shorten(perContextTokenUs)} us a context token + ${shorten(perPrefillTokenUs)} us a prefill token, ${attentionNs === 0 ? "attention in it" : "and attention"}; the KV cache holds ${formatCount(kvTokens)} tokens; ${requestOverheadMs} ms pass before the engine sees a request, under every policy.`;
}

function describeReconstruction(gate: GateResult | undefined): string {
  const unchecked = " The recorded policy was not simulated first (--recorded-policy).";
  return `The load is reconstructed from metrics: each reconstruction is another draw that agrees with them. Metrics do not tell the tree of prefixes, sessions and bursts below their interval.${gate === undefined ? unchecked : ""}`;
}

function describeVariation({ draws, seeds, reconstructions }: ExperimentPlan): string[] {
  if (draws > 0) {
    return [
      `An order counts only if it holds in 90 % of ${10 + draws} runs with c0, cK, cP, the KV cache and the scrape period up to 30 % off.`,
    ];
  }
  if (seeds * (reconstructions ?? 1) <= 1) return [];
  return ["Coefficients were not varied (--sensitivity 10): the verdicts hold for these only."];
}

function describeIntervals({ seeds, reconstructions }: ExperimentPlan): string {
  if (reconstructions !== undefined) {
    return `Intervals are 95 % t intervals over ${reconstructions} reconstructions, each the mean of its seeds; of two policies, of their differences reconstruction by reconstruction.`;
  }
  if (seeds < 2) return "One seed: no interval, so no verdict. Use --seeds 10.";
  return `Intervals are 95 % t intervals over ${seeds} seeds; of two policies, of their differences seed by seed.`;
}

function originOf(preset: string, fitted: FittedReplica | undefined): string {
  if (fitted === undefined) return `the coefficients of ${preset} are published ones, fitted to no server of yours.`;
  const { fit } = fitted;
  if (fit === undefined) return `the coefficients are given ones, limits of the batch those of ${preset}.`;
  return `the coefficients are fitted to ${fit.source}, where they miss step times by ${shorten(100 * fit.heldOutError)} % on what was held out; limits of the batch are those of ${preset}.`;
}

/** Four digits at most. */
function shorten(value: number): number {
  return Number(value.toPrecision(4));
}

function describeGate({ policy, passes, rows, isIgnored }: GateResult): string {
  if (passes) {
    const how = isIgnored === true ? "its errors were not looked at" : "differences below its errors are undecided";
    return `${policy}, simulated first, reproduced what was recorded; ${how}.`;
  }
  const wrong = rows.filter((row) => row.passes === false).map(({ what }) => what);
  const found = wrong.length === 0 ? "nothing that was recorded could be compared" : `too far off: ${wrong.join(", ")}`;
  return `${policy}, simulated first, did not reproduce what was recorded (${found}): do not trust the order of the policies.`;
}

function describeWarmUp({ warmUp, counted }: CellResult, isCold: boolean): string {
  if (isCold) return "The cold start counts: nothing was cut.";
  const cut = `${formatNumber(warmUp.cutMs / 1000)} s`;
  const left = `${formatCount(counted)} requests count`;
  if (warmUp.rule === "none") return `No warm-up was found: nothing was cut, ${left}.`;
  const rule =
    warmUp.rule === "queue" ? "MSER-5 on waiting and running requests" : "prefix hits within 2 points of later ones";
  const doubt = warmUp.isSettled ? "" : " It is all that may be cut: no steady state was found.";
  return `The first ${cut} do not count as warm-up (${rule}); ${left}.${doubt}`;
}

function isSaturated({ policies }: CellResult): boolean {
  return policies.some(({ busyRatio, unfinished }) => busyRatio > saturatedBusyRatio || unfinished > 0);
}
