import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ReplicaEvent } from "../../../simulator/replica/events.ts";
import { createReplica, type Replica } from "../../../simulator/replica/replica.ts";
import { aChain, aConfig, aRequest } from "./support.ts";

/** One thing that happens to a replica, at the next step's start. */
interface Arrival {
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly group: number;
  readonly sharedBlocks: number;
  readonly adapter: number;
  readonly gapMs: number;
  /** Cancelled after that many steps, never when undefined. */
  readonly cancelAfter: number | undefined;
}

const arrivals = fc.array(
  fc.record({
    promptTokens: fc.integer({ min: 1, max: 24 }),
    outputTokens: fc.integer({ min: 1, max: 8 }),
    group: fc.integer({ min: 0, max: 2 }),
    sharedBlocks: fc.integer({ min: 0, max: 6 }),
    adapter: fc.integer({ min: 0, max: 4 }),
    gapMs: fc.integer({ min: 0, max: 30 }),
    cancelAfter: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined, freq: 6 }),
  }),
  { maxLength: 25 },
);

const limits = fc.record({
  maxBatchedTokens: fc.integer({ min: 1, max: 40 }),
  maxSeqs: fc.integer({ min: 1, max: 6 }),
  longPrefillTokens: fc.integer({ min: 0, max: 9 }),
  maxLoras: fc.integer({ min: 1, max: 3 }),
  adapterLoadMs: fc.integer({ min: 0, max: 40 }),
  adapterSwapMs: fc.integer({ min: 0, max: 10 }),
  requestOverheadMs: fc.integer({ min: 0, max: 15 }),
  promptOverheadMs: fc.integer({ min: 0, max: 500 }),
});

/** Plays arrivals to a replica; `look` sees every event, and undefined after every step. */
class Player {
  readonly log: string[] = [];
  /** Tokens by request; -1 for a cancelled one. */
  readonly tokens = new Map<number, number>();
  readonly #steps = new Map<number, number>();
  readonly #replica: Replica;
  readonly #list: readonly Arrival[];
  readonly #look: (event: ReplicaEvent | undefined) => void;
  #nowMs = 0;
  #dueMs = 0;
  #next = 0;

  constructor(replica: Replica, list: readonly Arrival[], look: (event: ReplicaEvent | undefined) => void) {
    this.#replica = replica;
    this.#list = list;
    this.#look = look;
  }

  /** Goes on until nothing is left to do. */
  play(): this {
    for (let guard = 0; guard < 5000; guard++) {
      this.#submitDue();
      this.#cancelDue();
      if (!this.#step()) return this;
    }
    throw new Error("the replica does not come to an end");
  }

  #submitDue(): void {
    for (; this.#next < this.#list.length && this.#dueMs <= this.#nowMs; this.#next++) {
      const { gapMs, group, sharedBlocks, adapter, promptTokens, outputTokens } = this.#list[this.#next]!;
      this.#dueMs += gapMs;
      const blockHashes = aChain(group * 10 + adapter, sharedBlocks, this.#next, 1);
      const name = adapter === 0 ? undefined : `adapter-${adapter}`;
      this.#replica.submit(
        aRequest(this.#next, { promptTokens, outputTokens, blockHashes, adapter: name }),
        this.#nowMs,
      );
      this.#steps.set(this.#next, 0);
    }
  }

  #cancelDue(): void {
    for (const [id, count] of this.#steps) {
      this.#steps.set(id, count + 1);
      if (this.#list[id]!.cancelAfter === count && this.#replica.cancel(id)) this.tokens.set(id, -1);
    }
  }

  #step(): boolean {
    const endMs = this.#replica.startStep(this.#nowMs);
    if (endMs === undefined) {
      const arrivalMs = this.#next < this.#list.length ? this.#dueMs : Infinity;
      const wakeMs = Math.min(this.#replica.wakeAtMs() ?? Infinity, arrivalMs);
      this.#nowMs = Math.max(this.#nowMs, wakeMs);
      return wakeMs !== Infinity;
    }
    this.#nowMs = endMs;
    for (const event of this.#replica.finishStep()) this.#note(event);
    this.#look(undefined);
    return true;
  }

  #note(event: ReplicaEvent): void {
    this.log.push(`${this.#nowMs} ${event.kind} ${event.id} ${event.index} ${event.isLast} ${event.cachedTokens}`);
    if (event.kind === "token") this.tokens.set(event.id, (this.tokens.get(event.id) ?? 0) + 1);
    this.#look(event);
  }
}

function play(
  replica: Replica,
  list: readonly Arrival[],
  look: (event: ReplicaEvent | undefined) => void = () => {},
): Player {
  return new Player(replica, list, look).play();
}

test("every request ends once with exactly its output, unless it was cancelled, and nothing stays held", () => {
  fc.assert(
    fc.property(arrivals, limits, (list, overrides) => {
      const lastTokens = new Map<number, number>();
      const replica = createReplica(aConfig({ ...overrides, maxCpuLoras: 3 }));
      const { tokens } = play(replica, list, (event) => {
        if (event?.isLast === true) lastTokens.set(event.id, (lastTokens.get(event.id) ?? 0) + 1);
      });
      for (const [id, { outputTokens }] of list.entries()) {
        if (tokens.get(id) === -1) continue;
        assert.equal(tokens.get(id), outputTokens);
        assert.equal(lastTokens.get(id), 1);
      }
      const { waiting, running, kvCacheRatio, runningAdapters, waitingAdapters } = replica.load();
      assert.deepEqual({ waiting, running, kvCacheRatio }, { waiting: 0, running: 0, kvCacheRatio: 0 });
      assert.deepEqual([runningAdapters, waitingAdapters], [[], []]);
    }),
    { numRuns: 300 },
  );
});

test("cached tokens stay below the prompt, and load stays in its ranges", () => {
  fc.assert(
    fc.property(arrivals, limits, (list, overrides) => {
      const replica = createReplica(aConfig({ ...overrides, maxCpuLoras: 3 }));
      play(replica, list, (event) => {
        if (event !== undefined) {
          assert.ok(event.cachedTokens <= list[event.id]!.promptTokens - 1);
          return;
        }
        const load = replica.load();
        assert.ok(load.kvCacheRatio >= 0 && load.kvCacheRatio <= 1);
        assert.ok(load.running <= overrides.maxSeqs);
        assert.ok(load.runningAdapters.length <= overrides.maxLoras);
        assert.ok(load.prefixHitTokens <= load.prefixQueryTokens);
      });
    }),
    { numRuns: 150 },
  );
});

test("equal calls give equal answers", () => {
  fc.assert(
    fc.property(arrivals, limits, (list, overrides) => {
      const config = aConfig({ ...overrides, maxCpuLoras: 3 });
      const replicas = [createReplica(config), createReplica(config)] as const;
      assert.deepEqual(play(replicas[0], list).log, play(replicas[1], list).log);
      assert.deepEqual(replicas[0].load(), replicas[1].load());
    }),
    { numRuns: 60 },
  );
});
