import fc from "fast-check";
import type { Information, PoolChange, SimulationOptions } from "../../../simulator/engine/options.ts";
import { planPool } from "../../../simulator/engine/pool-plan.ts";
import type { RequestTable } from "../../../simulator/engine/request-table.ts";
import type { SimulationRun } from "../../../simulator/engine/simulation-run.ts";
import { policyNames, findPolicy } from "../../../simulator/policies/registry.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { aRequestTable, type RowTraits } from "../../support/a-request-table.ts";

/** Small enough for preemptions, full batches and evictions to happen. */
export const smallReplica = presetConfig("llama-3-8b-l4", {
  kvTokens: 3_000,
  maxSeqs: 6,
  maxBatchedTokens: 512,
  maxModelTokens: 2_048,
  maxLoras: 2,
  maxCpuLoras: 3,
});

const row: fc.Arbitrary<RowTraits> = fc.record({
  arrivalMs: fc.integer({ min: 0, max: 80_000 }).map((quarter) => quarter / 4),
  promptTokens: fc.integer({ min: 1, max: 1_000 }),
  outputTokens: fc.integer({ min: 1, max: 60 }),
  maxOutputTokens: fc.constantFrom(0, 100),
  adapter: fc.constantFrom(-1, -1, -1, 0, 1, 2),
  model: fc.constantFrom(0, 1),
  priority: fc.constantFrom(0, -1),
  blocks: fc.constantFrom(0, 1, 5, 20).map((length) => Array.from({ length }, (_, i) => i)),
});

/** A load in an open loop; blocks are of one conversation, no more than the prompt has. */
export const arbitraryTable: fc.Arbitrary<RequestTable> = fc
  .array(row, { minLength: 1, maxLength: 60 })
  .map((rows) =>
    aRequestTable(
      rows
        .toSorted((a, b) => (a.arrivalMs ?? 0) - (b.arrivalMs ?? 0))
        .map((one) => ({ ...one, blocks: one.blocks?.slice(0, Math.floor((one.promptTokens ?? 0) / 16)) ?? [] })),
    ),
  );

const information: fc.Arbitrary<Partial<Information>> = fc.record({
  scrapeMs: fc.constantFrom(20, 50, 333, 5_000),
  delayMs: fc.constantFrom(0, 0, 7, 80),
  jitterMs: fc.constantFrom(0, 0, 30),
  lossRatio: fc.constantFrom(0, 0, 0.3),
  pickers: fc.constantFrom(1, 1, 3),
});

/** A run of any policy over a pool of one to four replicas. */
export const arbitraryRun: fc.Arbitrary<SimulationOptions> = fc
  .record({
    requests: arbitraryTable,
    replicas: fc.integer({ min: 1, max: 4 }),
    policy: fc.constantFrom(...policyNames),
    seed: fc.nat(1000),
    information,
    timeoutMs: fc.constantFrom(Number.POSITIVE_INFINITY, 1_500),
    endMs: fc.constantFrom(Number.POSITIVE_INFINITY, 6_000),
  })
  .map(({ replicas, policy, ...options }) => {
    const found = findPolicy(policy);
    if (found === undefined) throw new TypeError(`Cannot find policy "${policy}": expected a built-in one`);
    return { ...options, pool: { replicas: Array.from({ length: replicas }, () => smallReplica) }, policy: found };
  });

const change: fc.Arbitrary<PoolChange> = fc.record({
  atMs: fc.integer({ min: 0, max: 24_000 }).map((quarter) => quarter / 4),
  replica: fc.nat(3),
  kind: fc.constantFrom("joins", "joins", "leaves", "dies", "dies", "metrics-freeze", "metrics-thaw"),
});

/** As `arbitraryRun` in a quarter of the time, while replicas join, leave, die, come back and freeze. */
export const arbitraryChangingRun: fc.Arbitrary<SimulationOptions> = fc
  .tuple(arbitraryRun, fc.array(change, { minLength: 1, maxLength: 12 }))
  .map(([options, drawn]) => {
    const { replicas } = options.pool;
    const changes: PoolChange[] = [];
    for (const one of drawn.toSorted((a, b) => a.atMs - b.atMs)) if (isPossible([...changes, one])) changes.push(one);
    const requests = { ...options.requests, arrivalMs: options.requests.arrivalMs.map((atMs) => atMs / 4) };
    return { ...options, requests, pool: { replicas, changes } };

    function isPossible(all: readonly PoolChange[]): boolean {
      try {
        planPool({ replicas, changes: all });
        return true;
      } catch {
        return false;
      }
    }
  });

/** Everything a run says, to be compared; the counts of gaps by their sums, since modes bundle them differently. */
export function facts(run: SimulationRun): Record<string, unknown> {
  const { requests: _, itlMs, ...rest } = run;
  return { ...rest, gaps: itlMs.count };
}
