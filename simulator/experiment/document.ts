import { poolChangesOf } from "./pool-changes-of.ts";
import type { CellResult, ExperimentResult } from "./result.ts";

/**
 * The JSON document of an experiment with one condition: `{trace, requests, replicas, preset, seeds, policies, paired, ...}`; with several,
 * `cells` has policies and pairs by condition instead. Numbers are rounded to 8 digits; what is no number is null.
 */
export function formatDocument(result: ExperimentResult): string {
  const { plan, trace, requests, cells, knees } = result;
  const [first] = cells;
  const isOne = cells.length === 1 && first !== undefined;
  const head = { trace, requests, ...(isOne && { replicas: first.replicas }), preset: plan.preset, seeds: plan.seeds };
  const poolChanges = poolChangesOf(plan.load);
  const terms = {
    slo: plan.slo,
    mode: plan.mode,
    firstSeed: plan.firstSeed,
    circumstances: plan.circumstances,
    isCold: plan.isCold,
    draws: plan.draws,
    ...(poolChanges.length > 0 && { poolChanges }),
    ...(plan.load.kind === "metrics" && {
      reconstruction: { source: "metrics", draws: plan.reconstructions, seedsEach: plan.seeds },
    }),
    ...(plan.recordedReplicas !== undefined && { recordedReplicas: plan.recordedReplicas }),
    ...(plan.fitted !== undefined && { fitted: plan.fitted }),
    ...(plan.gate !== undefined && { gate: plan.gate }),
    ...(knees.length > 0 && { knees }),
  };
  const document = isOne
    ? { ...head, policies: first.policies, paired: first.paired, ...conditionOf(first), ...terms }
    : { ...head, cells: cells.map(withCondition), ...terms };
  return `${JSON.stringify(document, rounded, 2)}\n`;
}

function conditionOf(cell: CellResult): object {
  const { rateScale, scrapeMs, offeredPerSecond, lastArrivalMs, counted, warmUp, tornado } = cell;
  return { rateScale, scrapeMs, offeredPerSecond, lastArrivalMs, counted, warmUp, tornado };
}

function withCondition(cell: CellResult): object {
  const { replicas, policies, paired } = cell;
  return { ...conditionOf(cell), replicas, policies, paired };
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" && Number.isFinite(value) ? Number(value.toPrecision(8)) : value;
}
