import type { ReplicaConfig } from "./config.ts";
import type { ReplicaEvent } from "./events.ts";
import type { ReplicaLoad } from "./load.ts";
import { createReplica, type Replica } from "./replica.ts";
import type { ReplicaRequest } from "./sequence.ts";
import type { ReplicaListener, VirtualReplica } from "./virtual-replica.ts";

/**
 * A model server in virtual time that takes every step by itself. Throws RangeError naming the field when `config` is out of
 * range.
 */
export function createExactReplica(config: ReplicaConfig, listener: ReplicaListener): VirtualReplica {
  return new ExactReplica(createReplica(config), listener);
}

class ExactReplica implements VirtualReplica {
  readonly #machine: Replica;
  readonly #listener: ReplicaListener;
  /** When the last token of a request left, for those that have given one. */
  readonly #lastTokenMs = new Map<number, number>();
  #nowMs = Number.NEGATIVE_INFINITY;
  /** End of the step under way; undefined between steps. */
  #stepEndMs: number | undefined = undefined;
  #loadAtLastStep: ReplicaLoad;
  /** Start of the first of the steps that follow one another up to the one under way. */
  #busySinceMs = 0;
  #busyMs = 0;
  #gapMs = 0;
  #gaps = 0;

  constructor(machine: Replica, listener: ReplicaListener) {
    this.#machine = machine;
    this.#listener = listener;
    this.#loadAtLastStep = machine.load();
  }

  get busyMs(): number {
    return this.#stepEndMs === undefined ? this.#busyMs : this.#busyMs + (this.#nowMs - this.#busySinceMs);
  }

  submit(request: ReplicaRequest, nowMs: number): void {
    this.advance(nowMs);
    this.#machine.submit(request, nowMs);
  }

  cancel(id: number, nowMs: number): boolean {
    this.advance(nowMs);
    this.#lastTokenMs.delete(id);
    return this.#machine.cancel(id);
  }

  nextEventMs(): number {
    return this.#stepEndMs ?? this.#machine.wakeAtMs() ?? Number.POSITIVE_INFINITY;
  }

  advance(nowMs: number): void {
    for (let atMs = this.nextEventMs(); atMs <= nowMs; atMs = this.nextEventMs()) {
      if (this.#stepEndMs !== undefined) this.#finishStep(atMs);
      this.#startStep(atMs);
    }
    this.#nowMs = nowMs;
  }

  loadAt(nowMs: number): ReplicaLoad {
    this.advance(nowMs);
    return this.#stepEndMs === undefined ? this.#machine.load() : this.#loadAtLastStep;
  }

  #startStep(atMs: number): void {
    const wasBusy = this.#stepEndMs !== undefined;
    if (!wasBusy) this.#loadAtLastStep = this.#machine.load();
    this.#stepEndMs = this.#machine.startStep(atMs);
    const isBusy = this.#stepEndMs !== undefined;
    if (wasBusy && !isBusy) this.#busyMs += atMs - this.#busySinceMs;
    if (!wasBusy && isBusy) this.#busySinceMs = atMs;
  }

  #finishStep(atMs: number): void {
    for (const event of this.#machine.finishStep()) if (event.kind === "token") this.#tell(event, atMs);
    this.#tellGaps();
    this.#loadAtLastStep = this.#machine.load();
  }

  #tell({ id, index, isLast, cachedTokens }: ReplicaEvent, atMs: number): void {
    if (index === 0) this.#listener.firstToken(id, atMs, cachedTokens);
    else this.#countGap(atMs - (this.#lastTokenMs.get(id) ?? Number.NaN));
    this.#lastTokenMs.set(id, atMs);
    if (!isLast) return;
    this.#lastTokenMs.delete(id);
    this.#listener.finished(id, atMs);
  }

  #countGap(gapMs: number): void {
    if (gapMs !== this.#gapMs) this.#tellGaps();
    this.#gapMs = gapMs;
    this.#gaps++;
  }

  #tellGaps(): void {
    if (this.#gaps > 0) this.#listener.gaps(this.#gapMs, this.#gaps);
    this.#gaps = 0;
  }
}
