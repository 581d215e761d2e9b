import type { RequestTable } from "../engine/request-table.ts";
import { generateLoad } from "../generators/load-spec.ts";
import { scenario } from "../scenarios/registry.ts";
import { changeLoad } from "../traces/change-load.ts";
import { readTrace } from "../traces/read-trace.ts";
import { formatRowProblem } from "../traces/row-problems.ts";
import type { LoadSpec } from "./plan.ts";

/** A load that was read once and is asked for at several rates. */
export interface OpenedLoad {
  /** The requests of one seed at a rate. */
  requests(seed: number, rateScale: number): RequestTable;
  /** What a user should know of how it was read, a line each. */
  readonly notes: readonly string[];
}

/** Opens the load of `spec`. Throws an error that names it when it cannot be read. */
export async function openLoad(spec: LoadSpec, firstSeed: number): Promise<OpenedLoad> {
  if (spec.kind === "recording") return openRecorded(spec);
  if (spec.kind === "metrics") return openMetrics(spec);
  return spec.kind === "scenario" ? openScenario(spec) : openTrace(spec, firstSeed);
}

async function openRecorded(spec: LoadSpec): Promise<OpenedLoad> {
  const { openRecording } = await import("../recording/read-recording.ts");
  const { readRecordedLoad } = await import("../recording/recorded-load.ts");
  const { requests, notes } = readRecordedLoad(openRecording(spec.source));
  return { notes, requests: (seed, rateScale) => changeLoad(requests, { ...spec, rateScale, seed }) };
}

async function openMetrics(spec: LoadSpec): Promise<OpenedLoad> {
  const { readMetrics } = await import("../metrics/read-metrics.ts");
  const { drawWorkload } = await import("../metrics/draw-workload.ts");
  const { endpoints, problems, skipped, notes } = readMetrics(spec.source);
  return {
    notes: [
      ...problems.map(formatRowProblem),
      ...(skipped > problems.length ? [`${skipped} rows in all could not be used`] : []),
      ...notes,
    ],
    requests: (seed, rateScale) => changeLoad(drawWorkload(endpoints, seed), { ...spec, rateScale, seed }),
  };
}

function openScenario({ source, limit }: LoadSpec): OpenedLoad {
  const { load } = scenario(source);
  const sizing = limit === undefined ? {} : { requests: limit };
  return { notes: [], requests: (seed, rateScale) => generateLoad(load, seed, { ...sizing, scale: rateScale }) };
}

function openTrace(spec: LoadSpec, firstSeed: number): OpenedLoad {
  const read = (seed: number): ReturnType<typeof readTrace> =>
    readTrace(spec.source, { rawTimes: spec.rawTimes, openLoop: spec.openLoop, seed });
  const first = read(firstSeed);
  const bySeed = new Map([[firstSeed, first.requests]]);
  return {
    notes: [
      ...first.problems.map(formatRowProblem),
      ...(first.skipped > first.problems.length ? [`${first.skipped} rows in all could not be used`] : []),
      ...(first.failures > 0 ? [`${first.failures} requests that had failed are left out`] : []),
      ...first.notes,
    ],
    requests: (seed, rateScale) => {
      const requests = bySeed.get(seed) ?? read(seed).requests;
      // One seed at a time is worked on.
      if (!bySeed.has(seed)) bySeed.clear();
      bySeed.set(seed, requests);
      return changeLoad(requests, { ...spec, rateScale, seed });
    },
  };
}
