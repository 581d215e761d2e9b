import type { RequestTable } from "../engine/request-table.ts";
import { generateLoad } from "../generators/load-spec.ts";
import { scenario } from "../scenarios/registry.ts";
import { changeLoad } from "../traces/change-load.ts";
import { readTrace } from "../traces/read-trace.ts";
import type { EndpointSeries, RecordedMetrics } from "../metrics/recorded-metrics.ts";
import type { RecordedRun } from "../recording/recorded-run.ts";
import { formatRowProblem } from "../traces/row-problems.ts";
import { type OpenedRecord, openRecord } from "./open-record.ts";
import type { LoadSpec } from "./plan.ts";

/** What a record was read into. Plain data: other threads are given it and read nothing. */
export type LoadContent =
  | { readonly kind: "requests"; readonly requests: RequestTable }
  | { readonly kind: "metrics"; readonly endpoints: readonly EndpointSeries[] };

/** A load that was read once and is asked for at several rates. */
export interface OpenedLoad {
  /** The requests of one seed at a rate. */
  requests(seed: number, rateScale: number): RequestTable;
  /** What a user should know of how it was read, a line each. */
  readonly notes: readonly string[];
  /** Absent: other threads open the load for themselves. */
  readonly content?: LoadContent;
}

/** Opens the load of `spec`, from `record` where that was read before. Rejects with an error that names it when it cannot be read. */
export async function openLoad(spec: LoadSpec, firstSeed: number, record?: OpenedRecord): Promise<OpenedLoad> {
  const read = record ?? (await openRecord(spec));
  if (read?.kind === "recording") return openRecorded(spec, read.run);
  if (read?.kind === "metrics") return openMetrics(spec, read.metrics);
  return spec.kind === "scenario" ? openScenario(spec) : openTrace(spec, firstSeed);
}

async function openRecorded(spec: LoadSpec, run: RecordedRun): Promise<OpenedLoad> {
  const { readRecordedLoad } = await import("../recording/recorded-load.ts");
  const { requests, notes } = readRecordedLoad(run);
  return { ...(await loadOf(spec, { kind: "requests", requests })), notes };
}

async function openMetrics(spec: LoadSpec, metrics: RecordedMetrics): Promise<OpenedLoad> {
  const { endpoints, problems, skipped, notes } = metrics;
  return {
    ...(await loadOf(spec, { kind: "metrics", endpoints })),
    notes: [
      ...problems.map(formatRowProblem),
      ...(skipped > problems.length ? [`${skipped} rows in all could not be used`] : []),
      ...notes,
    ],
  };
}

/** The load of `spec` whose record was read into `content`. */
export async function loadOf(spec: LoadSpec, content: LoadContent): Promise<OpenedLoad> {
  const change = (requests: RequestTable, seed: number, rateScale: number): RequestTable =>
    changeLoad(requests, { ...spec, rateScale, seed });
  if (content.kind === "requests") {
    return { notes: [], content, requests: (seed, rateScale) => change(content.requests, seed, rateScale) };
  }
  const { drawWorkload } = await import("../metrics/draw-workload.ts");
  const { endpoints } = content;
  let drawn: { readonly seed: number; readonly requests: RequestTable } | undefined;
  return {
    notes: [],
    content,
    requests: (seed, rateScale) => {
      // Every policy asks for the same one.
      if (drawn?.seed !== seed) drawn = { seed, requests: drawWorkload(endpoints, seed) };
      return change(drawn.requests, seed, rateScale);
    },
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
