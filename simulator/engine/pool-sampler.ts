import type { ReplicaLoad } from "../replica/load.ts";
import type { VirtualReplica } from "../replica/virtual-replica.ts";
import type { Incarnation, PoolPlan } from "./pool-plan.ts";
import type { PoolSeries } from "./simulation-run.ts";

const firstSamples = 64;

/** Collects the state of the pool at equal distances. */
export class PoolSampler {
  readonly #stepMs: number;
  readonly #replicas: number;
  readonly #incarnations: readonly Incarnation[];
  #samples = 0;
  #waiting = new Float32Array(0);
  #running = new Float32Array(0);
  #kvCacheRatio = new Float32Array(0);
  #prefixQueryTokens = new Float64Array(0);
  #prefixHitTokens = new Float64Array(0);

  constructor(stepMs: number, { replicas, incarnations }: PoolPlan) {
    this.#stepMs = stepMs;
    this.#replicas = replicas;
    this.#incarnations = incarnations;
  }

  /** Time of the next sample; the first is at 0. */
  get nextMs(): number {
    return this.#samples * this.#stepMs;
  }

  /** Takes the sample of `nextMs`; `pool` by incarnation. */
  sample(pool: readonly VirtualReplica[]): void {
    const nowMs = this.nextMs;
    const from = this.#samples * this.#replicas;
    if (from === this.#waiting.length) this.#resize(Math.max(firstSamples * this.#replicas, from * 2));
    for (const [i, { replica }] of this.#incarnations.entries()) {
      this.#add(from + replica, (pool[i] as VirtualReplica).loadAt(nowMs));
    }
    this.#samples++;
  }

  #add(at: number, load: ReplicaLoad): void {
    this.#waiting[at] = (this.#waiting[at] as number) + load.waiting;
    this.#running[at] = (this.#running[at] as number) + load.running;
    this.#kvCacheRatio[at] = Math.max(this.#kvCacheRatio[at] as number, load.kvCacheRatio);
    this.#prefixQueryTokens[at] = (this.#prefixQueryTokens[at] as number) + load.prefixQueryTokens;
    this.#prefixHitTokens[at] = (this.#prefixHitTokens[at] as number) + load.prefixHitTokens;
  }

  /** Everything so far. */
  take(): PoolSeries {
    this.#resize(this.#samples * this.#replicas);
    return {
      stepMs: this.#stepMs,
      samples: this.#samples,
      waiting: this.#waiting,
      running: this.#running,
      kvCacheRatio: this.#kvCacheRatio,
      prefixQueryTokens: this.#prefixQueryTokens,
      prefixHitTokens: this.#prefixHitTokens,
    };
  }

  #resize(length: number): void {
    this.#waiting = resized(this.#waiting, new Float32Array(length));
    this.#running = resized(this.#running, new Float32Array(length));
    this.#kvCacheRatio = resized(this.#kvCacheRatio, new Float32Array(length));
    this.#prefixQueryTokens = resized(this.#prefixQueryTokens, new Float64Array(length));
    this.#prefixHitTokens = resized(this.#prefixHitTokens, new Float64Array(length));
  }
}

function resized<T extends Float32Array | Float64Array>(values: T, into: T): T {
  into.set(values.subarray(0, into.length));
  return into;
}
