import { mix32 } from "../../src/lib/mix32.ts";
import { createKeyedRandom } from "../../src/lib/random.ts";
import type { Ending, PickerInstance, VisibleRequest } from "../policies/policy.ts";
import type { VirtualReplica } from "../replica/virtual-replica.ts";
import { decisionMs } from "./decision-cost.ts";
import { qualityOf } from "./information.ts";
import type { Information, SimulationOptions } from "./options.ts";
import type { Incarnation, PoolPlan } from "./pool-plan.ts";
import { Sampler, type Source } from "./sampler.ts";
import { seedOf, streamsOf } from "./streams.ts";

/** Bytes of prompt that stand for a token where only tokens are known (protocol 3.3). */
const bytesPerToken = 4;

/** The pickers of a run, with their samples and their queues. Replicas are incarnations here. */
export class Pickers {
  readonly #instances: readonly PickerInstance[];
  /** `#samplers[replica]`: those of every picker that samples at all; none of a replica that is not there. */
  readonly #samplers: (readonly Sampler[])[];
  /** What samples of each are read from. */
  readonly #sources: Source[];
  readonly #pool: readonly VirtualReplica[];
  readonly #incarnations: readonly Incarnation[];
  /** Those that are there, in the order in which they joined. */
  readonly #present: number[];
  readonly #seed: number;
  /** When each has decided all it was given. */
  readonly #freeMs: Float64Array;
  readonly #shares: ReturnType<typeof streamsOf>;
  readonly #information: Information;
  readonly #scorers: number | undefined;

  /** `replicas` by incarnation. */
  constructor(
    { policy, requests, seed }: SimulationOptions,
    information: Information,
    plan: PoolPlan,
    replicas: readonly VirtualReplica[],
  ) {
    this.#pool = replicas;
    this.#sources = [...replicas];
    this.#incarnations = plan.incarnations;
    this.#present = [...plan.atStart];
    this.#seed = seed;
    this.#information = information;
    this.#scorers = policy.scorers;
    this.#freeMs = new Float64Array(information.pickers);
    this.#shares = streamsOf(seed, "picker-of-request");
    const [policySeed, keySeed] = [seedOf(seed, "policy"), seedOf(seed, "hash-key")];
    this.#instances = Array.from({ length: information.pickers }, (_, picker) =>
      policy.start({
        replicas: plan.incarnations,
        present: this.#present,
        rows: requests.count,
        picker,
        random: createKeyedRandom(mix32(policySeed ^ (picker + 1))),
        hashKey: BigInt(mix32(keySeed ^ picker)),
      }),
    );
    this.#samplers = replicas.map(() => []);
    for (const replica of plan.atStart) this.#samplers[replica] = this.#samplersOf(replica, 0);
  }

  /** A replica has joined the pool. */
  join(replica: number, nowMs: number): void {
    this.#present.push(replica);
    this.#samplers[replica] = this.#samplersOf(replica, nowMs);
    for (const instance of this.#instances) instance.joined?.(replica, nowMs);
  }

  /** A replica has left the pool; samples of it that are on their way do not count. Nothing happens when it had left already. */
  leave(replica: number, nowMs: number): void {
    const at = this.#present.indexOf(replica);
    if (at < 0) return;
    this.#present.splice(at, 1);
    this.#samplers[replica] = [];
    for (const instance of this.#instances) instance.left?.(replica, nowMs);
  }

  /** From now on samples of a replica show what it shows now, with the time at which they are taken. */
  freeze(replica: number, nowMs: number): void {
    const load = { ...(this.#pool[replica] as VirtualReplica).loadAt(nowMs) };
    this.#sources[replica] = { loadAt: () => load };
  }

  /** Samples of a replica show its state again. */
  thaw(replica: number): void {
    this.#sources[replica] = this.#pool[replica] as VirtualReplica;
  }

  /** Whether pickers may choose a replica. */
  isThere(replica: number): boolean {
    return this.#present.includes(replica);
  }

  /** Which picker gets a request. */
  pickerOf(row: number): number {
    const { length } = this.#instances;
    return length === 1 ? 0 : Math.floor(this.#shares.from(row)() * length);
  }

  /** Queues a request that arrives now at its picker; returns when it is decided. */
  queue(picker: number, promptTokens: number, nowMs: number): number {
    const { decisionCost } = this.#information;
    if (decisionCost === undefined || this.#scorers === undefined) return nowMs;
    const startMs = Math.max(nowMs, this.#freeMs[picker] as number);
    const { length } = this.#present;
    const endMs = startMs + decisionMs(decisionCost, length, this.#scorers, promptTokens * bytesPerToken);
    this.#freeMs[picker] = endMs;
    return endMs;
  }

  /** The decision of a picker that is up to date: the replica, or `refused`. */
  pick(picker: number, request: VisibleRequest, nowMs: number): number {
    this.catchUpEach(nowMs);
    return (this.#instances[picker] as PickerInstance).pick(request, nowMs);
  }

  answered(row: number, replica: number, nowMs: number): void {
    this.#instances[this.pickerOf(row)]?.answered?.(row, replica, nowMs);
  }

  ended(row: number, replica: number, nowMs: number, ending: Ending): void {
    this.#instances[this.pickerOf(row)]?.ended?.(row, replica, nowMs, ending);
  }

  /** Does all about the samples of every replica up to `nowMs`, one replica after the other. */
  catchUpEach(nowMs: number): void {
    for (let replica = 0; replica < this.#samplers.length; replica++) this.catchUp(replica, nowMs, true);
  }

  /**
   * Does all about the samples of a replica that comes before `untilMs`, and at it when `isInclusive`. To be called before the
   * replica is told a later time and before anything changes that a picker counts at it, so that what is done now is what
   * would have been done then.
   */
  catchUp(replica: number, untilMs: number, isInclusive: boolean): void {
    const samplers = this.#samplers[replica] as readonly Sampler[];
    for (const sampler of samplers) sampler.skip(untilMs, isInclusive);
    for (;;) {
      let first: Sampler | undefined;
      for (const sampler of samplers) if (first === undefined || sampler.nextMs < first.nextMs) first = sampler;
      if (first === undefined || first.nextMs > untilMs || (first.nextMs === untilMs && !isInclusive)) return;
      first.step(this.#sources[replica] as Source);
    }
  }

  /** As `catchUp` for all replicas, each thing at its moment: what a picker would do that is never idle. */
  catchUpAll(untilMs: number, isInclusive: boolean): void {
    for (;;) {
      const nextMs = this.#samplers.map((samplers) => Math.min(...samplers.map((sampler) => sampler.nextMs)));
      const atMs = Math.min(...nextMs);
      if (atMs > untilMs || (atMs === untilMs && !isInclusive)) return;
      this.catchUp(nextMs.indexOf(atMs), atMs, true);
    }
  }

  /** Samplers of a replica that joins at `sinceMs`: the first moment of each is anywhere in the first period. */
  #samplersOf(replica: number, sinceMs: number): Sampler[] {
    const seed = this.#seed;
    const quality = qualityOf(this.#information, (this.#incarnations[replica] as Incarnation).replica);
    return this.#instances.flatMap((instance, picker) => {
      if (instance.sampling === "none") return [];
      const key = mix32(picker * 65_536 + replica);
      return new Sampler({
        quality,
        phaseMs: sinceMs + streamsOf(seed, "scrape-phase").from(key)() * quality.scrapeMs,
        delays: createKeyedRandom(seedOf(seed, "scrape-delay") ^ key),
        losses: createKeyedRandom(seedOf(seed, "scrape-loss") ^ key),
        instance,
        replica,
      });
    });
  }
}
