/**
 * Queue, batch and blocks of a replica that jumps over steps: the rules of `replica.ts`, with the decodes of the batch kept as a
 * set, so that a step costs no more with many of them than with few. `form` starts a step, `finish` ends it or as many as are
 * alike; between the two the batch stays as it is.
 */
import { AdapterSlots } from "./adapter-slots.ts";
import { BlockFilling } from "./block-filling.ts";
import type { ReplicaConfig } from "./config.ts";
import { DecodeSet } from "./decode-set.ts";
import { ExtentPool } from "./extent-pool.ts";
import type { ReplicaLoad } from "./load.ts";
import { MacroQueue } from "./macro-queue.ts";
import { MacroSequence } from "./macro-sequence.ts";
import { RequestCheck } from "./request-check.ts";
import type { ReplicaRequest } from "./sequence.ts";
import { SequenceList } from "./sequence-list.ts";
import type { StepWork } from "./step-time.ts";

/** A request for which there is no room, and the first of its blocks that is not cached but may be. */
interface Awaited {
  readonly sequence: MacroSequence;
  readonly block: number;
}

/** What ended with the last step, in objects that the next end writes over. */
export interface StepEnd {
  /** Tokens of each step that came one step after the token before them. */
  regularTokens: number;
  /** Requests whose token came later than that; their `lastTokenMs` is the time of the token before. */
  readonly late: MacroSequence[];
  /** Requests that gave their first token, ended or were cancelled, in the order of the batch. */
  readonly told: MacroSequence[];
}

/** Queue and batch; see the file's head. */
export class MacroBatch {
  readonly config: ReplicaConfig;
  /** What the step under way computes. */
  readonly work: StepWork = { requests: 0, contextTokens: 0, prefillTokens: 0, attentionPairs: 0, adapters: 0 };
  /** A request joined or left the batch; the reader sets it back. */
  hasChanged = false;
  readonly #blocks: number;
  readonly #check: RequestCheck;
  readonly #pool: ExtentPool;
  readonly #adapters: AdapterSlots;
  readonly #decodes: DecodeSet;
  readonly #filling: BlockFilling;
  readonly #queue = new MacroQueue();
  readonly #byId = new Map<number, MacroSequence>();
  readonly #running = new SequenceList<MacroSequence>();
  /** Requests of the batch that are no decodes, in its order. */
  #prefilling: MacroSequence[] = [];
  /** Decodes whose last token did not come with the step before. */
  #late: MacroSequence[] = [];
  #cancelled: MacroSequence[] = [];
  readonly #end: StepEnd = { regularTokens: 0, late: [], told: [] };
  #hasPreempted = false;
  /** There is no room for a request of the queue, so that those behind it wait too. */
  #isBlocked = false;
  /** The next step's blocks may make room for it, since it finds less of its prefix then. */
  #mayFitNext = false;
  #awaited: Awaited | undefined = undefined;
  /** A request that comes to the queue may join the batch at the next step. */
  #isOpen = false;
  #admissions = 0;
  #formedAtMs = Number.NEGATIVE_INFINITY;
  #promptTokens = 0;
  #generationTokens = 0;
  #prefixQueryTokens = 0;
  #prefixHitTokens = 0;
  #preemptions = 0;
  #finishedRequests = 0;

  constructor(config: ReplicaConfig) {
    this.config = config;
    this.#blocks = Math.floor(config.kvTokens / config.blockSizeTokens);
    this.#check = new RequestCheck(config);
    this.#pool = new ExtentPool(this.#blocks);
    this.#adapters = new AdapterSlots(config);
    this.#decodes = new DecodeSet(config.blockSizeTokens);
    this.#filling = new BlockFilling(config.blockSizeTokens, this.#pool, this.#decodes);
  }

  /** Whether a request that comes to the queue may join at the next step. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** When a request that arrives at `nowMs` comes to the queue. */
  readyAtMs({ promptTokens }: ReplicaRequest, nowMs: number): number {
    const { requestOverheadMs, promptOverheadMs } = this.config;
    return nowMs + requestOverheadMs + (promptOverheadMs * promptTokens) / 1000;
  }

  /** Takes a request. Throws RangeError for one that can never run. */
  submit(request: ReplicaRequest, readyAtMs: number): void {
    this.#check.require(request, this.#byId.has(request.id));
    const sequence = new MacroSequence(request, this.config.blockSizeTokens, readyAtMs);
    this.#byId.set(request.id, sequence);
    this.#queue.submit(sequence);
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  /** Takes a request out of the queue, or out of the batch at the end of the step under way. */
  cancel(id: number): void {
    const sequence = this.#byId.get(id);
    if (sequence === undefined) return;
    this.#byId.delete(id);
    sequence.isCancelled = true;
    if (sequence.state === "running") this.#cancelled.push(sequence);
    else this.#queue.remove(sequence);
  }

  /** When a request or an adapter becomes ready after `form` found nothing to compute; Infinity when none is coming. */
  wakeAtMs(): number {
    return Math.min(this.#queue.nextArrivalMs, this.#adapterReadyMs());
  }

  /** Forms the batch of a step that starts at `nowMs`; false when there is nothing to compute. */
  form(nowMs: number): boolean {
    this.#formedAtMs = nowMs;
    this.#queue.arrive(nowMs);
    this.#hasPreempted = false;
    this.#isBlocked = this.#mayFitNext = false;
    this.#awaited = undefined;
    let left = this.#scheduleRunning(nowMs);
    if (!this.#hasPreempted) left = this.#admit(left, nowMs);
    const isFull = this.#running.length >= this.config.maxSeqs || left === 0;
    this.#isOpen = !this.#hasPreempted && !this.#isBlocked && !isFull;
    this.#sumWork();
    return this.work.requests > 0;
  }

  /**
   * Steps, that under way included, until the batch may change for another reason than a request or adapter that becomes
   * ready. A multiple of one only when no request is in prefill.
   */
  stepsAhead(): number {
    if (this.#hasPreempted || this.#mayFitNext || this.#prefilling.length > 0 || this.#late.length > 0) return 1;
    const steps = Math.min(this.#decodes.stepsToFinish, this.#decodes.stepsWithin(this.#pool.free));
    if (this.#awaited === undefined) return steps;
    return Math.min(steps, this.#filling.stepsUntil(this.#awaited.sequence, this.#awaited.block));
  }

  /** When a request or adapter that becomes ready may change the batch; Infinity when none will. */
  changesAtMs(): number {
    return Math.min(this.#isOpen ? this.#queue.nextArrivalMs : Number.POSITIVE_INFINITY, this.#adapterReadyMs());
  }

  /**
   * Ends the step under way and those after it, `steps` in all, no more than `stepsAhead`; the last of them started at
   * `lastStartMs`.
   */
  finish(steps: number, lastStartMs: number): StepEnd {
    if (steps > 1) this.#queue.arrive(lastStartMs);
    const { told, late } = this.#end;
    if (told.length > 0) told.length = 0;
    if (late.length > 0) late.length = 0;
    this.#filling.fill(steps, this.#prefilling);
    this.#emitDecodes(steps);
    this.#decodes.advance(steps);
    for (let done = this.#takeFinished(); done !== undefined; done = this.#takeFinished()) told.push(done);
    if (this.#prefilling.length > 0) this.#finishChunks();
    if (this.#cancelled.length > 0) this.#takeCancelled();
    if (told.length > 1) sortByOrder(told);
    for (const sequence of told) this.#drop(sequence);
    return this.#end;
  }

  /**
   * State `steps` steps after the one under way was formed, none of which changed the batch, with the last of them starting
   * at `lastStartMs`. 0 gives the state now, as at the end of a step before the next one is formed.
   */
  load(steps: number, lastStartMs: number): ReplicaLoad {
    const queue = this.#queue.stateAt(steps > 1 ? lastStartMs : Number.NEGATIVE_INFINITY);
    const ahead = steps > 1 ? this.#decodes.blocksNeeded(1, steps) : 0;
    return {
      waiting: queue.length,
      running: this.#running.length,
      kvCacheRatio: (this.#blocks - (this.#pool.free - ahead)) / this.#blocks,
      runningAdapters: this.#adapters.running(),
      waitingAdapters: queue.adapters,
      promptTokens: this.#promptTokens,
      generationTokens: this.#generationTokens + steps * this.#decodes.count,
      prefixQueryTokens: this.#prefixQueryTokens,
      prefixHitTokens: this.#prefixHitTokens,
      preemptions: this.#preemptions,
      adapterLoads: this.#adapters.loads,
      finishedRequests: this.#finishedRequests,
    };
  }

  #adapterReadyMs(): number {
    return this.#queue.length > 0 ? this.#adapters.nextReadyMs(this.#formedAtMs) : Number.POSITIVE_INFINITY;
  }

  /**
   * Gives every running request its share of the step, preempting from the end of the batch while blocks do not suffice for
   * all; returns the tokens left. The order of the batch need not be walked: a request is admitted only when those before it
   * have what they want, and they never want more later, so that just the last one may get less than that.
   */
  #scheduleRunning(nowMs: number): number {
    for (;;) {
      let left = this.config.maxBatchedTokens - this.#decodes.count;
      let blocks = this.#decodes.blocksNeeded(0, 1);
      for (const sequence of this.#prefilling) {
        sequence.chunk = this.#limitChunk(sequence.tokens - sequence.computed, left);
        left -= sequence.chunk;
        blocks += this.#blocksMissing(sequence);
      }
      const last = this.#running.last;
      if (blocks <= this.#pool.free || last === undefined) {
        this.#pool.allocate(blocks);
        for (const sequence of this.#prefilling) sequence.held += this.#blocksMissing(sequence);
        return left;
      }
      this.#preempt(last, nowMs);
    }
  }

  #limitChunk(tokens: number, budget: number): number {
    const longest = this.config.longPrefillTokens === 0 ? budget : Math.min(budget, this.config.longPrefillTokens);
    return Math.min(tokens, longest);
  }

  #blocksMissing({ computed, chunk, held }: MacroSequence): number {
    return Math.ceil((computed + chunk) / this.config.blockSizeTokens) - held;
  }

  #preempt(victim: MacroSequence, nowMs: number): void {
    if (victim.isDecoding) this.#interrupt(victim, nowMs);
    else this.#prefilling.pop();
    this.#leaveBatch(victim);
    victim.computed = 0;
    victim.chunk = 0;
    this.#queue.putBack(victim);
    this.#preemptions++;
    this.#hasPreempted = true;
  }

  /** Takes a decode out at the start of a step that gives it no token. */
  #interrupt(sequence: MacroSequence, nowMs: number): void {
    this.#leaveDecodes(sequence);
    const at = this.#late.indexOf(sequence);
    if (at >= 0) this.#late.splice(at, 1);
    else sequence.lastTokenMs = nowMs;
  }

  /** Moves requests from the queue to the batch in order; those whose adapter is not ready are passed over. */
  #admit(budget: number, nowMs: number): number {
    let left = budget;
    let next = this.#queue.first;
    while (next !== undefined && left > 0 && this.#running.length < this.config.maxSeqs) {
      const sequence = next;
      const { adapter } = sequence.request;
      next = sequence.next;
      if (adapter !== undefined && !this.#adapters.isReady(adapter, nowMs)) continue;
      const chunk = this.#place(sequence, left);
      if (chunk === 0) break;
      left -= chunk;
      this.#queue.remove(sequence);
      this.#join(sequence);
    }
    return left;
  }

  /** Takes the cached prefix and the blocks of the first chunk; returns the chunk's tokens, 0 when blocks do not suffice. */
  #place(sequence: MacroSequence, budget: number): number {
    const { chain, tokens } = sequence;
    const size = this.config.blockSizeTokens;
    const limit = Math.min(Math.floor((tokens - 1) / size), sequence.hashedBlocks);
    const hits = this.#pool.findPrefix(chain, limit);
    const chunk = this.#limitChunk(tokens - hits * size, budget);
    const blocks = Math.ceil((hits * size + chunk) / size);
    if (blocks - hits > this.#pool.free - this.#pool.freeOfFound) {
      this.#isBlocked = true;
      this.#mayFitNext = this.#pool.mayLoseMiddle;
      if (hits < limit) this.#awaited = { sequence, block: hits };
      return 0;
    }
    this.#pool.share(chain, hits);
    this.#pool.allocate(blocks - hits);
    sequence.held = blocks;
    sequence.registered = hits;
    sequence.computed = hits * size;
    sequence.chunk = chunk;
    return chunk;
  }

  #join(sequence: MacroSequence): void {
    sequence.state = "running";
    sequence.order = this.#admissions++;
    this.hasChanged = true;
    this.#running.push(sequence);
    if (sequence.request.adapter !== undefined) this.#adapters.acquire(sequence.request.adapter);
    if (sequence.cachedTokens < 0) {
      sequence.cachedTokens = sequence.computed;
      this.#prefixQueryTokens += sequence.tokens;
      this.#prefixHitTokens += sequence.computed;
    }
    if (sequence.isDecodeNext) this.#joinLate(sequence);
    else this.#prefilling.push(sequence);
  }

  #sumWork(): void {
    const { work } = this;
    work.requests = this.#decodes.count;
    work.contextTokens = this.#decodes.contextTokens;
    work.prefillTokens = work.attentionPairs = 0;
    work.adapters = this.#adapters.inUse;
    for (const { chunk, computed } of this.#prefilling) {
      if (chunk === 0) continue;
      work.requests++;
      work.prefillTokens += chunk;
      work.attentionPairs += chunk * (computed + chunk / 2);
    }
  }

  #emitDecodes(steps: number): void {
    let tokens = this.#decodes.count;
    for (const sequence of this.#cancelled) if (sequence.isDecoding) tokens--;
    this.#generationTokens += tokens * steps;
    for (const sequence of this.#late) if (!sequence.isCancelled) this.#end.late.push(sequence);
    this.#end.regularTokens = tokens - this.#end.late.length;
    if (this.#late.length > 0) this.#late.length = 0;
  }

  #takeFinished(): MacroSequence | undefined {
    const sequence = this.#decodes.takeFinished();
    if (sequence !== undefined) this.#filling.remove(sequence);
    return sequence;
  }

  #takeCancelled(): void {
    for (const sequence of this.#cancelled) {
      if (!sequence.isDecoding) continue;
      this.#leaveDecodes(sequence);
      this.#end.told.push(sequence);
    }
    this.#cancelled.length = 0;
  }

  /** Ends the chunks of the step; what is not done stays in prefill. */
  #finishChunks(): void {
    let kept = 0;
    for (const sequence of this.#prefilling) {
      sequence.computed += sequence.chunk;
      if (sequence.isCancelled) this.#end.told.push(sequence);
      else if (sequence.computed === sequence.tokens) this.#emit(sequence);
      else if (sequence.isDecodeNext) this.#joinLate(sequence);
      else this.#prefilling[kept++] = sequence;
    }
    this.#prefilling.length = kept;
  }

  /** The token at the end of a prefill. */
  #emit(sequence: MacroSequence): void {
    const { promptTokens, outputTokens } = sequence.request;
    sequence.generated++;
    this.#generationTokens++;
    const isFirst = sequence.generated === 1;
    if (isFirst) this.#promptTokens += promptTokens;
    else this.#end.late.push(sequence);
    const isLast = sequence.generated === outputTokens;
    if (isFirst || isLast) this.#end.told.push(sequence);
    if (!isLast) this.#joinDecodes(sequence);
  }

  #joinLate(sequence: MacroSequence): void {
    this.#late.push(sequence);
    this.#joinDecodes(sequence);
  }

  #joinDecodes(sequence: MacroSequence): void {
    this.#decodes.add(sequence);
    this.#filling.add(sequence);
  }

  #leaveDecodes(sequence: MacroSequence): void {
    this.#decodes.remove(sequence);
    this.#filling.remove(sequence);
  }

  /** Takes a request that has ended or was cancelled out of the batch. */
  #drop(sequence: MacroSequence): void {
    const hasEnded = sequence.generated === sequence.request.outputTokens;
    if (!hasEnded && !sequence.isCancelled) return;
    this.#leaveBatch(sequence);
    if (sequence.isCancelled) return;
    this.#byId.delete(sequence.request.id);
    this.#finishedRequests++;
  }

  #leaveBatch(sequence: MacroSequence): void {
    this.hasChanged = true;
    this.#running.remove(sequence);
    this.#pool.release(sequence, sequence.held);
    if (sequence.request.adapter !== undefined) this.#adapters.release(sequence.request.adapter);
  }
}

/** Longest list for which moving one after the other to its place is cheaper than the engine's sort, which allocates. */
const fewTold = 32;

function sortByOrder(told: MacroSequence[]): void {
  if (told.length > fewTold) {
    told.sort((a, b) => a.order - b.order);
    return;
  }
  for (let i = 1; i < told.length; i++) {
    const moving = told[i] as MacroSequence;
    let at = i;
    for (; at > 0 && (told[at - 1] as MacroSequence).order > moving.order; at--)
      told[at] = told[at - 1] as MacroSequence;
    told[at] = moving;
  }
}
