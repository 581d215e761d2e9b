import { mix32 } from "../../src/lib/mix32.ts";
import { createKeyedRandom } from "../../src/lib/random.ts";
import type { PickerInstance, VisibleRequest } from "../policies/policy.ts";
import type { VirtualReplica } from "../replica/virtual-replica.ts";
import { decisionMs } from "./decision-cost.ts";
import { qualityOf } from "./information.ts";
import type { Information, SimulationOptions } from "./options.ts";
import { Sampler } from "./sampler.ts";
import { seedOf, streamsOf } from "./streams.ts";

/** Bytes of prompt that stand for a token where only tokens are known (protocol 3.3). */
const bytesPerToken = 4;

/** The pickers of a run, with their samples and their queues. */
export class Pickers {
  readonly #instances: readonly PickerInstance[];
  /** `#samplers[replica]`: those of every picker that samples at all. */
  readonly #samplers: readonly (readonly Sampler[])[];
  readonly #pool: readonly VirtualReplica[];
  /** When each has decided all it was given. */
  readonly #freeMs: Float64Array;
  readonly #shares: ReturnType<typeof streamsOf>;
  readonly #information: Information;
  readonly #scorers: number | undefined;

  constructor(
    { policy, pool, requests, seed }: SimulationOptions,
    information: Information,
    replicas: readonly VirtualReplica[],
  ) {
    this.#pool = replicas;
    this.#information = information;
    this.#scorers = policy.scorers;
    this.#freeMs = new Float64Array(information.pickers);
    this.#shares = streamsOf(seed, "picker-of-request");
    const [policySeed, keySeed] = [seedOf(seed, "policy"), seedOf(seed, "hash-key")];
    this.#instances = Array.from({ length: information.pickers }, (_, picker) =>
      policy.start({
        replicas: pool.replicas,
        rows: requests.count,
        picker,
        random: createKeyedRandom(mix32(policySeed ^ (picker + 1))),
        hashKey: BigInt(mix32(keySeed ^ picker)),
      }),
    );
    this.#samplers = replicas.map((_, replica) => this.#samplersOf(replica, seed));
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
    const { length } = this.#pool;
    const endMs = startMs + decisionMs(decisionCost, length, this.#scorers, promptTokens * bytesPerToken);
    this.#freeMs[picker] = endMs;
    return endMs;
  }

  /** The decision of a picker that is up to date: the replica, or `refused`. */
  pick(picker: number, request: VisibleRequest, nowMs: number): number {
    for (let replica = 0; replica < this.#samplers.length; replica++) this.catchUp(replica, nowMs, true);
    return (this.#instances[picker] as PickerInstance).pick(request, nowMs);
  }

  answered(row: number, replica: number, nowMs: number): void {
    this.#instances[this.pickerOf(row)]?.answered?.(row, replica, nowMs);
  }

  ended(row: number, replica: number, nowMs: number, isComplete: boolean): void {
    this.#instances[this.pickerOf(row)]?.ended?.(row, replica, nowMs, isComplete);
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
      first.step(this.#pool[replica] as VirtualReplica);
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

  #samplersOf(replica: number, seed: number): Sampler[] {
    const quality = qualityOf(this.#information, replica);
    return this.#instances.flatMap((instance, picker) => {
      if (instance.sampling === "none") return [];
      const key = mix32(picker * 65_536 + replica);
      return new Sampler({
        quality,
        phaseMs: streamsOf(seed, "scrape-phase").from(key)() * quality.scrapeMs,
        delays: createKeyedRandom(seedOf(seed, "scrape-delay") ^ key),
        losses: createKeyedRandom(seedOf(seed, "scrape-loss") ^ key),
        instance,
        replica,
      });
    });
  }
}
