import type { ReplicaConfig } from "../../../simulator/replica/config.ts";
import type { ReplicaEvent } from "../../../simulator/replica/events.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import type { Replica } from "../../../simulator/replica/replica.ts";
import type { ReplicaRequest } from "../../../simulator/replica/sequence.ts";

/** A small replica: steps of exactly 10 ms, blocks of 4 tokens, 8 blocks, no overheads. */
export function aConfig(overrides: Partial<ReplicaConfig> = {}): ReplicaConfig {
  return presetConfig("llama-3-8b-h100", {
    coefficients: { baseMs: 10, perRequestUs: 0, perContextTokenUs: 0, perPrefillTokenUs: 0, attentionNs: 0 },
    requestOverheadMs: 0,
    tokenOverheadMs: 0,
    blockSizeTokens: 4,
    kvTokens: 32,
    maxBatchedTokens: 100,
    maxSeqs: 10,
    maxModelTokens: 32,
    maxLoras: 2,
    maxCpuLoras: 2,
    adapterLoadMs: 25,
    adapterSwapMs: 5,
    adapterStepFactor: 0,
    ...overrides,
  });
}

/** A request of 4 prompt and 2 output tokens that shares nothing. */
export function aRequest(id: number, overrides: Partial<ReplicaRequest> = {}): ReplicaRequest {
  return {
    id,
    promptTokens: 4,
    outputTokens: 2,
    blockHashes: new Float64Array(0),
    adapter: undefined,
    ...overrides,
  };
}

/** A hash chain: `shared` blocks that all chains of the same `group` have, then `own` blocks of `id` alone. */
export function aChain(group: number, shared: number, id: number, own: number): Float64Array {
  const chain = new Float64Array(shared + own);
  for (let i = 0; i < chain.length; i++) chain[i] = i < shared ? group * 1000 + i + 1 : 1e6 + id * 1000 + i;
  return chain;
}

/** What happened in one step, with events copied. */
export interface Step {
  readonly startMs: number;
  readonly endMs: number;
  readonly events: readonly ReplicaEvent[];
}

/** Runs one step at `startMs`; undefined when there is nothing to do. */
export function runStep(replica: Replica, startMs: number): Step | undefined {
  const endMs = replica.startStep(startMs);
  if (endMs === undefined) return undefined;
  return { startMs, endMs, events: replica.finishStep().map((event) => ({ ...event })) };
}

/** Steps until nothing is left to do, from `fromMs` on. */
export function runAll(replica: Replica, fromMs = 0): Step[] {
  const steps: Step[] = [];
  let nowMs = fromMs;
  for (;;) {
    const step = runStep(replica, nowMs);
    if (step !== undefined) {
      steps.push(step);
      nowMs = step.endMs;
      continue;
    }
    const wakeMs = replica.wakeAtMs();
    if (wakeMs === undefined) return steps;
    nowMs = Math.max(nowMs, wakeMs);
  }
}

/** Ids of a step's events of one kind, in order. */
export function idsOf(step: Step | undefined, kind: ReplicaEvent["kind"] = "token"): number[] {
  return (step?.events ?? []).filter((event) => event.kind === kind).map((event) => event.id);
}
