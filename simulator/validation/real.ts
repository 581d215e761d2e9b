import { loadavg } from "node:os";
import { systemClock } from "../../src/lib/clock.ts";
import { createScenario, demoModels, demoReplica } from "../demo/scenario.ts";
import { toPoolRequest } from "../demo/pool-request.ts";
import type { RequestTable } from "../engine/request-table.ts";
import { simulate } from "../engine/simulate.ts";
import type { EmulatedEndpoint } from "../emulated-server/endpoint-server.ts";
import { spawnEmulatedPool } from "../emulated-server/spawn.ts";
import { type Outcome, runLoad } from "../load/client.ts";
import { generateLoad } from "../load/generate.ts";
import type { LoadRequest } from "../load/load-request.ts";
import { roundRobin } from "../policies/balancers.ts";
import { defaultSlo } from "../statistics/counted-rows.ts";
import { summarizeRun } from "../statistics/run-summary.ts";
import { type Spread, spreadOf } from "../statistics/spread.ts";
import { RequestTableBuilder } from "../traces/request-table-builder.ts";

/** What is compared. */
export interface RealOptions {
  /** Length of the load, at least 1. */
  readonly seconds: number;
  readonly seed: number;
}

/** Emulated servers in real time beside the same requests in virtual time. */
export interface RealResult {
  readonly seconds: number;
  readonly seed: number;
  readonly requests: number;
  readonly failed: number;
  readonly realMs: Spread;
  readonly simulatedMs: Spread;
  /** Mean prefix hits over prompt tokens of both. */
  readonly realHitRatio: number;
  readonly simulatedHitRatio: number;
  /** What the real median is over the simulated one, 0.1: 10 % more. */
  readonly gap: number;
  readonly isWithin: boolean;
  /** Of the machine over the last minute, before and after. */
  readonly loadAverages: readonly [before: number, after: number];
}

const servers = 4;
const mostGap = 0.15;

/**
 * Sends the mixed load of the demo to four emulated servers of the demo, request i to server i mod 4, and simulates the same under
 * round robin. Takes as long as the load and some seconds.
 */
export async function compareWithReal({ seconds, seed }: RealOptions): Promise<RealResult> {
  const { load } = createScenario({ load: "mixed", seed, servers, seconds });
  const before = loadavg()[0] as number;
  const outcomes = await runReal(load, seed);
  const after = loadavg()[0] as number;
  const run = simulate({
    requests: requestTable(load),
    pool: { replicas: Array.from({ length: servers }, () => demoReplica) },
    policy: roundRobin,
    seed,
  });
  const simulated = summarizeRun(run, 0, defaultSlo);
  const answered = outcomes.filter(({ error }) => error === undefined);
  const realMs = spreadOf(Float64Array.from(answered, ({ ttftMs }) => ttftMs));
  const total = (read: (outcome: Outcome) => number): number =>
    answered.reduce((sum, outcome) => sum + read(outcome), 0);
  const gap = realMs.p50 / simulated.ttftMs.p50 - 1;
  return {
    seconds,
    seed,
    requests: load.length,
    failed: outcomes.length - answered.length,
    realMs,
    simulatedMs: simulated.ttftMs,
    realHitRatio: total(({ cachedTokens }) => cachedTokens) / total(({ promptTokens }) => promptTokens),
    simulatedHitRatio: simulated.prefixHitRatio,
    gap,
    isWithin: Math.abs(gap) <= mostGap,
    loadAverages: [before, after],
  };
}

/** The same requests, as the servers hand them to their replicas. */
export function requestTable(load: readonly LoadRequest[]): RequestTable {
  const table = new RequestTableBuilder(demoReplica.blockSizeTokens, demoModels.base);
  for (const request of load) {
    const { arrivalMs, promptTokens, outputTokens, blockHashes, adapter } = toPoolRequest(request, demoReplica);
    table.add({ arrivalMs, promptTokens, outputTokens, ...(adapter !== undefined && { adapter }) });
    table.addBlocks(Array.from(blockHashes));
  }
  return table.build();
}

/** The result in Markdown. */
export function formatReal(result: RealResult): string {
  const { seconds, seed, requests, failed, realMs, simulatedMs, gap, isWithin, loadAverages } = result;
  const row = (name: string, { p50, p90, p99 }: Spread, hits: number): string =>
    `| ${name} | ${p50.toFixed(0)} | ${p90.toFixed(0)} | ${p99.toFixed(0)} | ${hits.toFixed(3)} |`;
  const sign = gap < 0 ? "" : "+";
  return [
    `${requests} requests in ${seconds} s, ${servers} servers, seed ${seed}; ${failed} failed. Load average of the machine before ` +
      `${loadAverages[0].toFixed(1)}, after ${loadAverages[1].toFixed(1)}.`,
    "",
    "| | TTFT p50, ms | TTFT p90, ms | TTFT p99, ms | prefix hits |",
    "|---|---|---|---|---|",
    row("real time", realMs, result.realHitRatio),
    row("simulated", simulatedMs, result.simulatedHitRatio),
    "",
    `The real median is ${sign}${(100 * gap).toFixed(1)} % over the simulated one: ${isWithin ? "within" : "not within"} 15 %.`,
  ].join("\n");
}

async function runReal(load: readonly LoadRequest[], seed: number): Promise<Outcome[]> {
  const pool = await spawnEmulatedPool({ count: servers, replica: demoReplica, models: demoModels, seed });
  try {
    await send(warmUp(seed), pool.endpoints);
    return await send(load, pool.endpoints);
  } finally {
    await pool.close();
  }
}

/** A second of short requests that share nothing with the load: connections are open and code is compiled before what counts. */
function warmUp(seed: number): LoadRequest[] {
  const load = generateLoad({ name: "uniform", seed: ~seed, seconds: 1, ratePerSecond: 40, model: demoModels.base });
  return load.map((request) => ({ ...request, outputTokens: 4 }));
}

async function send(load: readonly LoadRequest[], endpoints: readonly EmulatedEndpoint[]): Promise<Outcome[]> {
  const { signal } = new AbortController();
  const sent = endpoints.map(({ host, port }, at) =>
    runLoad(
      load.filter((_, i) => i % endpoints.length === at),
      { host, port, clock: systemClock, signal },
    ),
  );
  return (await Promise.all(sent)).flat();
}
