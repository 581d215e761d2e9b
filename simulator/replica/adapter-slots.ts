import type { ReplicaConfig } from "./config.ts";

interface Slot {
  /** Requests of the batch that use the adapter. */
  users: number;
  /** When the adapter is in the GPU, model ms. */
  readonly readyAtMs: number;
}

/**
 * The LoRA adapters of one replica: `maxLoras` slots in the GPU behind an LRU of `maxCpuLoras` in host memory. Loads run
 * one after another; a request waits for its adapter in the queue (simulator 1.3).
 */
export class AdapterSlots {
  readonly #config: ReplicaConfig;
  /** Least recently used first. */
  readonly #slots = new Map<string, Slot>();
  /** Adapters in host memory, least recently used first; holds those in slots too. */
  readonly #hosted = new Set<string>();
  #loaderFreeAtMs = Number.NEGATIVE_INFINITY;
  #inUse = 0;
  #loads = 0;
  /** What `running` gives, until it changes. */
  #running: readonly string[] | undefined = [];

  constructor(config: ReplicaConfig) {
    this.#config = config;
  }

  /** Distinct adapters of the batch. */
  get inUse(): number {
    return this.#inUse;
  }

  /** Loads begun so far, from disk or from host memory. */
  get loads(): number {
    return this.#loads;
  }

  /**
   * Whether a request for `adapter` may join the batch at `nowMs`. When the adapter is in no slot and a slot has no user,
   * its load begins; when every slot is in use or loading, nothing happens.
   */
  isReady(adapter: string, nowMs: number): boolean {
    const slot = this.#slots.get(adapter) ?? this.#beginLoad(adapter, nowMs);
    return slot !== undefined && slot.readyAtMs <= nowMs;
  }

  /** Counts a request of the batch in; its adapter is ready. */
  acquire(adapter: string): void {
    const slot = this.#slots.get(adapter);
    if (slot === undefined) throw new RangeError(`Cannot use adapter "${adapter}": in no slot, expected a loaded one`);
    this.#slots.delete(adapter);
    this.#slots.set(adapter, slot);
    this.#touchHosted(adapter);
    if (slot.users++ > 0) return;
    this.#inUse++;
    this.#running = undefined;
  }

  /** Counts a request of the batch out; the adapter stays in its slot until another needs it. */
  release(adapter: string): void {
    const slot = this.#slots.get(adapter);
    if (slot === undefined || slot.users === 0) {
      throw new RangeError(`Cannot release adapter "${adapter}": 0 users, expected at least 1`);
    }
    if (--slot.users > 0) return;
    this.#inUse--;
    this.#running = undefined;
  }

  /** Adapters of the batch, sorted. */
  running(): readonly string[] {
    this.#running ??= [...this.#slots.keys()].filter((name) => (this.#slots.get(name)?.users ?? 0) > 0).sort();
    return this.#running;
  }

  /** When the next load under way at `nowMs` ends, Infinity when none is. */
  nextReadyMs(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { readyAtMs } of this.#slots.values()) if (readyAtMs > nowMs && readyAtMs < next) next = readyAtMs;
    return next;
  }

  #beginLoad(adapter: string, nowMs: number): Slot | undefined {
    if (this.#slots.size >= this.#config.maxLoras && !this.#evictSlot(nowMs)) return undefined;
    const takesMs = this.#hosted.has(adapter) ? this.#config.adapterSwapMs : this.#config.adapterLoadMs;
    const readyAtMs = Math.max(nowMs, this.#loaderFreeAtMs) + takesMs;
    const slot = { users: 0, readyAtMs };
    this.#slots.set(adapter, slot);
    this.#touchHosted(adapter);
    this.#loaderFreeAtMs = readyAtMs;
    this.#loads++;
    return slot;
  }

  #evictSlot(nowMs: number): boolean {
    for (const [name, slot] of this.#slots) {
      if (slot.users > 0 || slot.readyAtMs > nowMs) continue;
      this.#slots.delete(name);
      return true;
    }
    return false;
  }

  #touchHosted(adapter: string): void {
    this.#hosted.delete(adapter);
    this.#hosted.add(adapter);
    if (this.#hosted.size <= this.#config.maxCpuLoras) return;
    for (const name of this.#hosted) {
      if (this.#slots.has(name)) continue;
      this.#hosted.delete(name);
      return;
    }
  }
}
