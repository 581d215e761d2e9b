import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ReplicaConfig } from "../../../simulator/replica/config.ts";
import { createExactReplica } from "../../../simulator/replica/exact-replica.ts";
import { createMacroReplica } from "../../../simulator/replica/macro-replica.ts";
import type { ReplicaRequest } from "../../../simulator/replica/sequence.ts";
import type { VirtualReplica } from "../../../simulator/replica/virtual-replica.ts";
import { aChain, aConfig } from "./support.ts";
import { Notes } from "./virtual-support.ts";

/** Something that happens to a replica, `gapMs` after what happened before. */
type Action =
  | { readonly kind: "submit"; readonly gapMs: number; readonly request: ReplicaRequest }
  | { readonly kind: "cancel"; readonly gapMs: number; readonly id: number }
  | { readonly kind: "look" | "advance"; readonly gapMs: number };

interface Workload {
  readonly config: ReplicaConfig;
  readonly actions: readonly Action[];
}

const modelTokens = 64;

const lengths = fc.record({
  promptTokens: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 40 })),
  outputTokens: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: modelTokens - 40 })),
  group: fc.integer({ min: 0, max: 2 }),
  sharedBlocks: fc.integer({ min: 0, max: 16 }),
  ownBlocks: fc.integer({ min: 0, max: 4 }),
  adapter: fc.integer({ min: -3, max: 3 }),
});

const gapMs = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 2, arbitrary: fc.double({ min: 0, max: 30, noNaN: true }) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 300 }) },
);

const coefficients = fc.oneof(
  // Steps of exactly 10 ms, so that arrivals meet ends of steps.
  fc.constant({ baseMs: 10, perRequestUs: 0, perContextTokenUs: 0, perPrefillTokenUs: 0, attentionNs: 0 }),
  fc.record({
    baseMs: fc.double({ min: 0.5, max: 10, noNaN: true }),
    perRequestUs: fc.double({ min: 0, max: 1000, noNaN: true }),
    perContextTokenUs: fc.double({ min: 0, max: 100, noNaN: true }),
    perPrefillTokenUs: fc.double({ min: 0, max: 500, noNaN: true }),
    attentionNs: fc.double({ min: 0, max: 5000, noNaN: true }),
  }),
);

const configs = fc
  .record({
    coefficients,
    stepTerms: fc.constantFrom("sum", "max"),
    blocks: fc.oneof(fc.integer({ min: 16, max: 24 }), fc.integer({ min: 16, max: 80 })),
    maxBatchedTokens: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 8, max: 64 })),
    maxSeqs: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 4, max: 12 })),
    longPrefillTokens: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 })),
    maxLoras: fc.integer({ min: 1, max: 3 }),
    adapterLoadMs: fc.integer({ min: 0, max: 60 }),
    adapterSwapMs: fc.integer({ min: 0, max: 10 }),
    adapterStepFactor: fc.constantFrom(0, 0.02),
    requestOverheadMs: fc.constantFrom(0, 0, 8),
    promptOverheadMs: fc.constantFrom(0, 0, 300),
  })
  .map(({ blocks, ...config }) =>
    aConfig({ ...config, kvTokens: blocks * 4, maxModelTokens: modelTokens, maxCpuLoras: 3 }),
  );

const kinds = fc.oneof(
  { weight: 6, arbitrary: fc.constant("submit" as const) },
  { weight: 1, arbitrary: fc.constant("cancel" as const) },
  { weight: 4, arbitrary: fc.constant("look" as const) },
  { weight: 1, arbitrary: fc.constant("advance" as const) },
);

const workloads: fc.Arbitrary<Workload> = fc
  .record({
    config: configs,
    blocksPerHash: fc.integer({ min: 1, max: 4 }),
    drafts: fc.array(fc.record({ kind: kinds, gapMs, lengths, cancelled: fc.nat(1000) }), {
      maxLength: 70,
      size: "max",
    }),
  })
  .map(({ config, blocksPerHash, drafts }) => {
    let submitted = 0;
    const actions = drafts.map((draft): Action => {
      const { kind } = draft;
      if (kind === "cancel") return { kind, gapMs: draft.gapMs, id: draft.cancelled % Math.max(1, submitted) };
      if (kind !== "submit") return { kind, gapMs: draft.gapMs };
      const { promptTokens, outputTokens, group, sharedBlocks, ownBlocks, adapter } = draft.lengths;
      const id = submitted++;
      const salt = group * 10 + Math.max(0, adapter);
      const blockHashes = aChain(salt, Math.floor(sharedBlocks / blocksPerHash), id, ownBlocks);
      const name = adapter <= 0 ? undefined : `adapter-${adapter}`;
      const request = { id, promptTokens, outputTokens, blockHashes, blockTokens: 4 * blocksPerHash, adapter: name };
      return { kind, gapMs: draft.gapMs, request };
    });
    return { config, actions };
  });

/** What happens when the actions are played to a replica, and then nothing more. */
function play(replica: VirtualReplica, notes: Notes, actions: readonly Action[]): readonly unknown[] {
  const seen: unknown[] = [];
  let nowMs = 0;
  for (const action of actions) {
    nowMs += action.gapMs;
    if (action.kind === "submit") replica.submit(action.request, nowMs);
    else if (action.kind === "cancel") seen.push(replica.cancel(action.id, nowMs));
    else if (action.kind === "look") seen.push(nowMs, replica.loadAt(nowMs), replica.busyMs);
    else replica.advance(nowMs);
    const told = notes.events.length;
    seen.push(told);
  }
  for (let guard = 0; replica.nextEventMs() !== Infinity; guard++) {
    assert.ok(guard < 20_000, "the replica does not come to an end");
    nowMs = replica.nextEventMs();
    replica.advance(nowMs);
  }
  return [...seen, replica.loadAt(nowMs + 1), replica.busyMs, notes.gapCount, ...notes.events];
}

const runs = 1500;
const counts = { preemptions: 0, hits: 0, requests: 0, adapterLoads: 0, cancelled: 0 };

test(`jumping and stepping agree to the last bit over ${runs} random workloads`, (t) => {
  fc.assert(
    fc.property(workloads, ({ config, actions }) => {
      const [stepNotes, jumpNotes] = [new Notes(), new Notes()];
      const stepped = createExactReplica(config, stepNotes);
      const jumped = createMacroReplica(config, jumpNotes);
      const wanted = play(stepped, stepNotes, actions);
      assert.deepEqual(play(jumped, jumpNotes, actions), wanted);
      assert.ok(Math.abs(jumpNotes.gapSumMs - stepNotes.gapSumMs) <= 1e-9 * (1 + stepNotes.gapSumMs));
      const load = stepped.loadAt(1e9);
      counts.preemptions += load.preemptions;
      counts.hits += load.prefixHitTokens;
      counts.requests += load.finishedRequests;
      counts.adapterLoads += load.adapterLoads;
      counts.cancelled += wanted.filter((value) => value === true).length;
    }),
    { numRuns: runs, includeErrorInReport: true },
  );
  t.diagnostic(JSON.stringify(counts));
  for (const [name, count] of Object.entries(counts)) assert.ok(count > runs / 10, `${count} ${name} in all`);
});
