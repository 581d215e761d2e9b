import { checkReplicaConfig, type ReplicaConfig } from "./config.ts";
import type { ReplicaLoad } from "./load.ts";
import { MacroBatch, type StepEnd } from "./macro-batch.ts";
import type { ReplicaRequest } from "./sequence.ts";
import { DecodeStretch, stepTimeMs } from "./step-time.ts";
import type { ReplicaListener, VirtualReplica } from "./virtual-replica.ts";

/** Gaps between tokens that differ by no more than this share are told as one. */
const gapSpread = 0.004;

/**
 * A model server in virtual time that jumps over steps: from one change of the batch to the next while it only decodes. Tells
 * what `createExactReplica` tells, to the last bit of every time, except that gaps come in bulk. Throws RangeError naming the
 * field when `config` is out of range.
 */
export function createMacroReplica(config: ReplicaConfig, listener: ReplicaListener): VirtualReplica {
  checkReplicaConfig(config);
  return new MacroReplica(new MacroBatch(config), listener);
}

class MacroReplica implements VirtualReplica {
  readonly #batch: MacroBatch;
  readonly #listener: ReplicaListener;
  readonly #stretch: DecodeStretch;
  /** Steps of the stretch before the jump under way; 0 when the step before had a prefill in it. */
  #stretchSteps = 0;
  #nowMs = Number.NEGATIVE_INFINITY;
  /** Steps of the jump under way; 0 between jumps. */
  #steps = 0;
  /** The jump under way only decodes. */
  #isDecodeOnly = false;
  #startMs = Number.NaN;
  #endMs = Number.NaN;
  /** State at the end of the step before the jump under way. */
  #loadAtStart: ReplicaLoad;
  #busySinceMs = 0;
  #busyMs = 0;

  constructor(batch: MacroBatch, listener: ReplicaListener) {
    this.#batch = batch;
    this.#listener = listener;
    this.#stretch = new DecodeStretch(batch.config);
    this.#loadAtStart = batch.load(0, Number.NaN);
  }

  get busyMs(): number {
    return this.#steps === 0 ? this.#busyMs : this.#busyMs + (this.#nowMs - this.#busySinceMs);
  }

  submit(request: ReplicaRequest, nowMs: number): void {
    this.advance(nowMs);
    const readyAtMs = this.#batch.readyAtMs(request, nowMs);
    // A step that starts at this very instant has started without it.
    if (readyAtMs <= nowMs) this.#settle(nowMs);
    this.#batch.submit(request, readyAtMs);
    if (this.#steps > 1 && this.#batch.isOpen) this.#shorten(readyAtMs);
  }

  cancel(id: number, nowMs: number): boolean {
    this.advance(nowMs);
    if (!this.#batch.has(id)) return false;
    this.#settle(nowMs);
    if (this.#steps > 1) this.#shorten(this.#startMs);
    this.#batch.cancel(id);
    return true;
  }

  nextEventMs(): number {
    return this.#steps > 0 ? this.#endMs : this.#batch.wakeAtMs();
  }

  advance(nowMs: number): void {
    for (let atMs = this.nextEventMs(); atMs <= nowMs; atMs = this.nextEventMs()) {
      const isBusy = this.#steps > 0;
      if (isBusy) this.#finish(this.#steps);
      this.#start(atMs, isBusy);
    }
    this.#nowMs = nowMs;
  }

  loadAt(nowMs: number): ReplicaLoad {
    this.advance(nowMs);
    if (this.#steps === 0) return this.#batch.load(0, Number.NaN);
    const done = this.#stepsBy(nowMs);
    return done === 0 ? this.#loadAtStart : this.#batch.load(done, this.#endOf(done - 1));
  }

  /** Starts the next jump; `isBusy`: a step has just ended. */
  #start(atMs: number, isBusy: boolean): void {
    const isContiguous = atMs === this.#endMs;
    this.#loadAtStart = this.#batch.load(0, Number.NaN);
    if (!this.#batch.form(atMs)) {
      if (isBusy) this.#busyMs += atMs - this.#busySinceMs;
      this.#steps = 0;
      return;
    }
    if (!isBusy) this.#busySinceMs = atMs;
    this.#startMs = atMs;
    this.#isDecodeOnly = this.#batch.work.prefillTokens === 0;
    if (this.#isDecodeOnly) this.#jump(isContiguous);
    else this.#takeStep();
  }

  #takeStep(): void {
    this.#stretchSteps = 0;
    this.#steps = 1;
    this.#endMs = this.#startMs + stepTimeMs(this.#batch.config, this.#batch.work);
  }

  #jump(isContiguous: boolean): void {
    if (this.#batch.hasChanged || this.#stretchSteps === 0 || !isContiguous) {
      this.#stretch.begin(this.#startMs, this.#batch.work);
      this.#stretchSteps = 0;
    }
    this.#batch.hasChanged = false;
    this.#steps = this.#batch.stepsAhead();
    this.#endMs = this.#endOf(this.#steps);
    if (this.#steps > 1) this.#shorten(this.#batch.changesAtMs());
  }

  /** Ends the jump with the step under way at `atMs`, or before it when it does end before. */
  #shorten(atMs: number): void {
    if (atMs >= this.#endMs) return;
    this.#steps = Math.max(1, this.#stretch.stepsUntil(atMs) - this.#stretchSteps);
    this.#endMs = this.#endOf(this.#steps);
  }

  /** Ends the jump with the last step that has ended by `nowMs`, and starts another. */
  #settle(nowMs: number): void {
    const done = this.#stepsBy(nowMs);
    if (done === 0) return;
    this.#endMs = this.#endOf(done);
    this.#finish(done);
    this.#start(this.#endMs, true);
  }

  /** Steps of the jump that have ended by `nowMs`. */
  #stepsBy(nowMs: number): number {
    return this.#isDecodeOnly && this.#steps > 1 ? this.#stretch.stepsBy(nowMs) - this.#stretchSteps : 0;
  }

  #endOf(step: number): number {
    return this.#isDecodeOnly ? this.#stretch.endMs(this.#stretchSteps + step) : this.#endMs;
  }

  #finish(steps: number): void {
    const end = this.#batch.finish(steps, steps > 1 ? this.#endOf(steps - 1) : this.#startMs);
    this.#tell(end);
    if (end.regularTokens > 0) this.#tellGaps(steps, end.regularTokens);
    if (this.#isDecodeOnly) this.#stretchSteps += steps;
  }

  #tell({ told, late }: StepEnd): void {
    for (const { isCancelled, generated, request, cachedTokens } of told) {
      if (isCancelled) continue;
      if (generated === 1) this.#listener.firstToken(request.id, this.#endMs, cachedTokens);
      if (generated === request.outputTokens) this.#listener.finished(request.id, this.#endMs);
    }
    for (const { lastTokenMs } of late) this.#listener.gaps(this.#endMs - lastTokenMs, 1);
  }

  /** Gaps of `tokens` tokens a step: as many pieces as keep those of a piece alike. */
  #tellGaps(steps: number, tokens: number): void {
    if (steps === 1) {
      this.#listener.gaps(this.#endMs - this.#startMs, tokens);
      return;
    }
    const first = this.#endOf(1) - this.#startMs;
    const last = this.#endMs - this.#endOf(steps - 1);
    const pieces = Math.min(steps, Math.ceil((last - first) / first / gapSpread) || 1);
    let from = 0;
    let fromMs = this.#startMs;
    for (let piece = 1; piece <= pieces; piece++) {
      const until = Math.floor((steps * piece) / pieces);
      const untilMs = this.#endOf(until);
      this.#listener.gaps((untilMs - fromMs) / (until - from), (until - from) * tokens);
      from = until;
      fromMs = untilMs;
    }
  }
}
