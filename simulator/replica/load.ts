/** A replica's state, and totals since it was created. */
export interface ReplicaLoad {
  /** Requests in the queue; those still on their way to it do not count. */
  readonly waiting: number;
  /** Requests in the batch. */
  readonly running: number;
  /** Share of KV blocks that requests of the batch hold, 0..1; cached blocks without a user count as free. */
  readonly kvCacheRatio: number;
  /** Sorted. */
  readonly runningAdapters: readonly string[];
  /** Sorted. */
  readonly waitingAdapters: readonly string[];
  /** Prompt tokens of requests that gave their first token. */
  readonly promptTokens: number;
  readonly generationTokens: number;
  /** Prompt tokens looked up in the prefix cache, once a request. */
  readonly prefixQueryTokens: number;
  /** Those of them that were found. */
  readonly prefixHitTokens: number;
  readonly preemptions: number;
  /** Adapter loads begun, from disk or host memory. */
  readonly adapterLoads: number;
  readonly finishedRequests: number;
}

/** Adapters of the requests in the queue, each counted. */
export class WaitingAdapters {
  readonly #counts = new Map<string, number>();
  /** What `names` gives, until it changes. */
  #names: readonly string[] | undefined = [];

  add(adapter: string | undefined): void {
    if (adapter === undefined) return;
    const count = this.#counts.get(adapter) ?? 0;
    this.#counts.set(adapter, count + 1);
    if (count === 0) this.#names = undefined;
  }

  remove(adapter: string | undefined): void {
    if (adapter === undefined) return;
    const left = (this.#counts.get(adapter) ?? 0) - 1;
    if (left > 0) {
      this.#counts.set(adapter, left);
      return;
    }
    this.#counts.delete(adapter);
    this.#names = undefined;
  }

  /** Sorted. */
  names(): readonly string[] {
    this.#names ??= [...this.#counts.keys()].sort();
    return this.#names;
  }
}
