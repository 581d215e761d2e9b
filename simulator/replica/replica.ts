/**
 * One model server as a step machine: queue, continuous batching with chunked prefill, KV blocks with prefix cache,
 * preemption and LoRA slots, as vLLM V1 schedules them (simulator 1.2). It knows no clock: the caller says when a step
 * starts, learns when it ends and asks then for what came out of it. Equal calls give equal answers.
 *
 * A caller's loop: `startStep(t)`; at the time it returned, `finishStep()` and `startStep` again. When `startStep` returns
 * undefined nothing can run before `wakeAtMs()` or the next `submit`.
 */
import { AdapterSlots } from "./adapter-slots.ts";
import { BlockPool } from "./block-pool.ts";
import { checkReplicaConfig, type ReplicaConfig } from "./config.ts";
import { EventBuffer, type ReplicaEvent } from "./events.ts";
import { blockKey } from "./hash-chain.ts";
import { SequenceList } from "./sequence-list.ts";
import { RequestCheck } from "./request-check.ts";
import { type ReplicaRequest, Sequence } from "./sequence.ts";
import { DecodeStretch, type StepWork, stepTimeMs } from "./step-time.ts";
import { type ReplicaLoad, WaitingAdapters } from "./load.ts";

/** A model server's engine in model time; see `createReplica`. */
export interface Replica {
  readonly config: ReplicaConfig;
  /** KV blocks in all. */
  readonly blocks: number;
  /** Takes a request that arrived at `nowMs`. Throws RangeError for one that can never run. */
  submit(request: ReplicaRequest, nowMs: number): void;
  /**
   * Ends a request early: it gives no more tokens. One that is in the step under way leaves with that step. False when
   * `id` is not under way.
   */
  cancel(id: number): boolean;
  /**
   * Forms the batch of the step that starts at `nowMs`, which is not before the end of the step before, and returns when
   * it ends; undefined when there is nothing to compute. Throws while a step is under way.
   */
  startStep(nowMs: number): number | undefined;
  /** Ends the step under way. The events are valid until the next call; preemptions first, then tokens in batch order. */
  finishStep(): readonly ReplicaEvent[];
  /** After `startStep` returned undefined: when a request or an adapter becomes ready; undefined when none is coming. */
  wakeAtMs(): number | undefined;
  /** State and totals, as of the last call. */
  load(): ReplicaLoad;
}

/** An idle replica with an empty cache. Throws RangeError naming the field when `config` is out of range. */
export function createReplica(config: ReplicaConfig): Replica {
  checkReplicaConfig(config);
  return new StepMachine(config);
}

class StepMachine implements Replica {
  readonly config: ReplicaConfig;
  readonly blocks: number;
  readonly #check: RequestCheck;
  readonly #pool: BlockPool;
  readonly #adapters: AdapterSlots;
  readonly #byId = new Map<number, Sequence>();
  /** On their way to the queue, by readiness. */
  readonly #arriving = new SequenceList<Sequence>();
  readonly #waiting = new SequenceList<Sequence>();
  readonly #waitingAdapters = new WaitingAdapters();
  readonly #running: Sequence[] = [];
  /** What the step under way computes, in the order of `#running`. */
  readonly #batch: Sequence[] = [];
  readonly #events = new EventBuffer();
  readonly #found: Int32Array;
  readonly #work: StepWork = { requests: 0, contextTokens: 0, prefillTokens: 0, attentionPairs: 0, adapters: 0 };
  readonly #stretch: DecodeStretch;
  /** Steps of the stretch so far; 0 when the last step had a prefill in it. */
  #stretchSteps = 0;
  /** A request joined or left the batch since the last step was timed. */
  #hasChanged = false;
  #endsAtMs = Number.NaN;
  #inStep = false;
  /** A request of the batch was cancelled during the step. */
  #hasCancelled = false;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #promptTokens = 0;
  #generationTokens = 0;
  #prefixQueryTokens = 0;
  #prefixHitTokens = 0;
  #preemptions = 0;
  #finishedRequests = 0;

  constructor(config: ReplicaConfig) {
    this.config = config;
    this.blocks = Math.floor(config.kvTokens / config.blockSizeTokens);
    this.#check = new RequestCheck(config);
    this.#stretch = new DecodeStretch(config);
    this.#pool = new BlockPool(this.blocks);
    this.#adapters = new AdapterSlots(config);
    this.#found = new Int32Array(this.blocks);
  }

  submit(request: ReplicaRequest, nowMs: number): void {
    this.#check.require(request, this.#byId.has(request.id));
    const { requestOverheadMs, promptOverheadMs, blockSizeTokens } = this.config;
    const readyAtMs = nowMs + requestOverheadMs + (promptOverheadMs * request.promptTokens) / 1000;
    const sequence = new Sequence(request, blockSizeTokens, readyAtMs);
    this.#byId.set(request.id, sequence);
    this.#arriving.insertByReadiness(sequence);
  }

  cancel(id: number): boolean {
    const sequence = this.#byId.get(id);
    if (sequence === undefined) return false;
    this.#byId.delete(id);
    sequence.isCancelled = true;
    if (sequence.state === "arriving") this.#arriving.remove(sequence);
    else if (sequence.state === "waiting") this.#leaveQueue(sequence);
    else if (this.#inStep) this.#hasCancelled = true;
    else this.#dropEnded();
    return true;
  }

  startStep(nowMs: number): number | undefined {
    if (this.#inStep) throw new Error("Cannot start a step: one is under way, expected finishStep first");
    this.#startedAtMs = nowMs;
    this.#queueArrivals(nowMs);
    this.#batch.length = 0;
    const work = this.#work;
    work.requests = work.contextTokens = work.prefillTokens = work.attentionPairs = 0;
    const budget = this.#scheduleRunning();
    if (this.#events.count === 0) this.#admit(budget, nowMs);
    if (this.#batch.length === 0) return undefined;
    work.requests = this.#batch.length;
    work.adapters = this.#adapters.inUse;
    this.#inStep = true;
    this.#endsAtMs = this.#timeStep(nowMs);
    return this.#endsAtMs;
  }

  finishStep(): readonly ReplicaEvent[] {
    if (!this.#inStep) throw new Error("Cannot finish a step: none is under way, expected startStep first");
    this.#inStep = false;
    let isShrinking = this.#hasCancelled;
    this.#hasCancelled = false;
    for (const sequence of this.#batch) {
      sequence.computed += sequence.chunk;
      this.#registerBlocks(sequence);
      const emits = sequence.computed === sequence.tokens && !sequence.isCancelled;
      if (emits && this.#emit(sequence)) isShrinking = true;
    }
    if (isShrinking) this.#dropEnded();
    return this.#events.take();
  }

  wakeAtMs(): number | undefined {
    const arrivalMs = this.#arriving.first?.readyAtMs ?? Number.POSITIVE_INFINITY;
    const loadEndMs = this.#waiting.length > 0 ? this.#adapters.nextReadyMs(this.#startedAtMs) : arrivalMs;
    const wakeMs = Math.min(arrivalMs, loadEndMs);
    return wakeMs === Number.POSITIVE_INFINITY ? undefined : wakeMs;
  }

  load(): ReplicaLoad {
    return {
      waiting: this.#waiting.length,
      running: this.#running.length,
      kvCacheRatio: (this.blocks - this.#pool.free) / this.blocks,
      runningAdapters: this.#adapters.running(),
      waitingAdapters: this.#waitingAdapters.names(),
      promptTokens: this.#promptTokens,
      generationTokens: this.#generationTokens,
      prefixQueryTokens: this.#prefixQueryTokens,
      prefixHitTokens: this.#prefixHitTokens,
      preemptions: this.#preemptions,
      adapterLoads: this.#adapters.loads,
      finishedRequests: this.#finishedRequests,
    };
  }

  #timeStep(nowMs: number): number {
    if (this.#work.prefillTokens > 0) {
      this.#stretchSteps = 0;
      return nowMs + stepTimeMs(this.config, this.#work);
    }
    if (this.#hasChanged || this.#stretchSteps === 0 || nowMs !== this.#endsAtMs) {
      this.#stretch.begin(nowMs, this.#work);
      this.#stretchSteps = 0;
    }
    this.#hasChanged = false;
    return this.#stretch.endMs(++this.#stretchSteps);
  }

  #queueArrivals(nowMs: number): void {
    for (
      let first = this.#arriving.first;
      first !== undefined && first.readyAtMs <= nowMs;
      first = this.#arriving.first
    ) {
      this.#arriving.remove(first);
      first.state = "waiting";
      this.#waiting.push(first);
      this.#waitingAdapters.add(first.request.adapter);
    }
  }

  #leaveQueue(sequence: Sequence): void {
    this.#waiting.remove(sequence);
    this.#waitingAdapters.remove(sequence.request.adapter);
  }

  /** Gives every running request its share of the step in order; returns the tokens left. */
  #scheduleRunning(): number {
    let budget = this.config.maxBatchedTokens;
    // #grow shortens the list while it is walked: a victim is always the last.
    for (let i = 0; i < this.#running.length && budget > 0; i++) {
      const sequence = this.#running[i];
      if (sequence === undefined) break;
      const chunk = this.#limitChunk(sequence.tokens - sequence.computed, budget);
      if (!this.#grow(sequence, chunk)) break;
      this.#schedule(sequence, chunk);
      budget -= chunk;
    }
    return budget;
  }

  #limitChunk(tokens: number, budget: number): number {
    const longest = this.config.longPrefillTokens === 0 ? budget : Math.min(budget, this.config.longPrefillTokens);
    return Math.min(tokens, longest);
  }

  /** Allocates what `chunk` more tokens need, preempting from the end of the batch; false when `sequence` went itself. */
  #grow(sequence: Sequence, chunk: number): boolean {
    const target = Math.ceil((sequence.computed + chunk) / this.config.blockSizeTokens);
    while (target - sequence.held > this.#pool.free) {
      const victim = this.#running.pop();
      if (victim === undefined) return false;
      this.#preempt(victim);
      if (victim === sequence) return false;
    }
    while (sequence.held < target) sequence.blocks[sequence.held++] = this.#pool.allocate();
    return true;
  }

  #preempt(victim: Sequence): void {
    this.#free(victim);
    victim.computed = 0;
    victim.registered = 0;
    victim.state = "waiting";
    this.#waiting.unshift(victim);
    this.#waitingAdapters.add(victim.request.adapter);
    this.#preemptions++;
    this.#hasChanged = true;
    this.#events.preempted(victim);
  }

  /** Returns blocks last first, so that the end of a prompt is reused before its beginning. */
  #free(sequence: Sequence): void {
    for (let i = sequence.held - 1; i >= 0; i--) this.#pool.release(sequence.blocks[i] ?? 0);
    sequence.held = 0;
    if (sequence.request.adapter !== undefined) this.#adapters.release(sequence.request.adapter);
  }

  #schedule(sequence: Sequence, chunk: number): void {
    const work = this.#work;
    sequence.chunk = chunk;
    this.#batch.push(sequence);
    if (sequence.generated > 0 && sequence.computed === sequence.tokens - 1) {
      work.contextTokens += sequence.computed + 1;
      return;
    }
    work.prefillTokens += chunk;
    work.attentionPairs += chunk * (sequence.computed + chunk / 2);
  }

  /** Moves requests from the queue to the batch in order; those whose adapter is not ready are passed over. */
  #admit(budget: number, nowMs: number): void {
    let left = budget;
    let next = this.#waiting.first;
    while (next !== undefined && left > 0 && this.#running.length < this.config.maxSeqs) {
      const sequence = next;
      const { adapter } = sequence.request;
      next = sequence.next;
      if (adapter !== undefined && !this.#adapters.isReady(adapter, nowMs)) continue;
      const chunk = this.#place(sequence, left);
      if (chunk === 0) return;
      this.#leaveQueue(sequence);
      this.#join(sequence, nowMs);
      this.#schedule(sequence, chunk);
      left -= chunk;
    }
  }

  /** Takes the cached prefix and the blocks of the first chunk; returns the chunk's tokens, 0 when blocks do not suffice. */
  #place(sequence: Sequence, budget: number): number {
    const size = this.config.blockSizeTokens;
    const limit = Math.min(Math.floor((sequence.tokens - 1) / size), sequence.hashedBlocks);
    const hits = this.#pool.findPrefix(sequence.chain, limit, this.#found);
    const chunk = this.#limitChunk(sequence.tokens - hits * size, budget);
    const target = Math.ceil((hits * size + chunk) / size);
    if (target - hits > this.#pool.free - this.#pool.countFree(this.#found, hits)) return 0;
    for (let i = 0; i < hits; i++) {
      const block = this.#found[i] ?? 0;
      this.#pool.share(block);
      sequence.blocks[i] = block;
    }
    sequence.held = hits;
    while (sequence.held < target) sequence.blocks[sequence.held++] = this.#pool.allocate();
    sequence.registered = hits;
    sequence.computed = hits * size;
    return chunk;
  }

  #join(sequence: Sequence, nowMs: number): void {
    sequence.state = "running";
    this.#hasChanged = true;
    this.#running.push(sequence);
    if (sequence.request.adapter !== undefined) this.#adapters.acquire(sequence.request.adapter);
    if (!Number.isNaN(sequence.scheduledAtMs)) return;
    sequence.scheduledAtMs = nowMs;
    sequence.cachedTokens = sequence.computed;
    this.#prefixQueryTokens += sequence.tokens;
    this.#prefixHitTokens += sequence.computed;
  }

  #registerBlocks(sequence: Sequence): void {
    const full = Math.min(Math.floor(sequence.computed / this.config.blockSizeTokens), sequence.hashedBlocks);
    for (; sequence.registered < full; sequence.registered++) {
      this.#pool.register(sequence.blocks[sequence.registered] ?? 0, blockKey(sequence.chain, sequence.registered));
    }
  }

  /** One more token; true when it is the last. */
  #emit(sequence: Sequence): boolean {
    const { request } = sequence;
    if (sequence.generated === 0) this.#promptTokens += request.promptTokens;
    sequence.generated++;
    this.#generationTokens++;
    const isLast = sequence.generated === request.outputTokens;
    this.#events.token(sequence, isLast);
    return isLast;
  }

  /** Takes finished and cancelled requests out of the batch. */
  #dropEnded(): void {
    let kept = 0;
    for (const sequence of this.#running) {
      const isFinished = sequence.generated === sequence.request.outputTokens;
      if (!isFinished && !sequence.isCancelled) {
        this.#running[kept++] = sequence;
        continue;
      }
      this.#hasChanged = true;
      this.#free(sequence);
      if (sequence.isCancelled) continue;
      this.#byId.delete(sequence.request.id);
      this.#finishedRequests++;
    }
    this.#running.length = kept;
  }
}
