import type { PickerInstance } from "../policies/policy.ts";
import type { KeyedRandom } from "../../src/lib/random.ts";
import type { ReplicaLoad } from "../replica/load.ts";
import type { VirtualReplica } from "../replica/virtual-replica.ts";
import type { ScrapeQuality } from "./options.ts";

/** What samples are read from. */
export type Source = Pick<VirtualReplica, "loadAt">;

/** What a sampler is made of. */
export interface SamplerSetup {
  readonly quality: ScrapeQuality;
  /** First moment, ms. */
  readonly phaseMs: number;
  /** Draws of delay and loss, keyed by the number of the moment. */
  readonly delays: KeyedRandom;
  readonly losses: KeyedRandom;
  readonly instance: PickerInstance;
  readonly replica: number;
}

/**
 * One picker's samples of one replica: asked for at `phaseMs + k·scrapeMs`, one at a time, so that moments are skipped while a
 * sample is on its way. The owner says when time has come to something and reads the replica's load then.
 */
export class Sampler {
  readonly #setup: SamplerSetup;
  readonly #isExact: boolean;
  readonly #skips: boolean;
  /** Number of the next moment. */
  #moment = 0;
  #askMs: number;
  /** When the sample under way arrives; Infinity: none is under way. */
  #arrivesMs = Number.POSITIVE_INFINITY;
  #isLost = false;
  #askedAtMs = 0;
  #onItsWay: ReplicaLoad | undefined;

  constructor(setup: SamplerSetup) {
    const { quality, phaseMs, instance } = setup;
    this.#setup = setup;
    this.#isExact = quality.delayMs === 0 && quality.jitterMs === 0 && quality.lossRatio === 0;
    this.#skips = this.#isExact && instance.sampling === "newest";
    this.#askMs = Number.isFinite(quality.scrapeMs) ? phaseMs : Number.POSITIVE_INFINITY;
  }

  /** When the next thing happens: a sample arrives or is asked for. */
  get nextMs(): number {
    return this.#arrivesMs < Number.POSITIVE_INFINITY ? this.#arrivesMs : this.#askMs;
  }

  /** Forgets moments that a later one up to `untilMs` makes useless. `untilMs` itself counts when `isInclusive`. */
  skip(untilMs: number, isInclusive: boolean): void {
    if (!this.#skips) return;
    const { phaseMs, quality } = this.#setup;
    let last = Math.floor((untilMs - phaseMs) / quality.scrapeMs);
    // The quotient may be rounded over the whole number.
    while (this.#momentMs(last + 1) <= untilMs) last++;
    while (this.#momentMs(last) > untilMs || (!isInclusive && this.#momentMs(last) === untilMs)) last--;
    if (last <= this.#moment) return;
    this.#moment = last;
    this.#askMs = this.#momentMs(last);
  }

  /** Does what happens at `nextMs`, which `source` has not been told a later time than. */
  step(source: Source): void {
    if (this.#arrivesMs < Number.POSITIVE_INFINITY) this.#arrive();
    else this.#ask(source);
  }

  #arrive(): void {
    const { instance, replica } = this.#setup;
    if (!this.#isLost) instance.sampled?.(replica, this.#askedAtMs, this.#onItsWay as ReplicaLoad);
    this.#arrivesMs = Number.POSITIVE_INFINITY;
    this.#onItsWay = undefined;
  }

  #ask(source: Source): void {
    const { instance, replica, quality } = this.#setup;
    const nowMs = this.#askMs;
    // A sample that comes the moment it is asked for needs no announcement.
    if (this.#isExact) {
      instance.sampled?.(replica, nowMs, source.loadAt(nowMs));
      this.#askMs = this.#momentMs(++this.#moment);
      return;
    }
    if (instance.sampling === "every") instance.asked?.(replica, nowMs);
    this.#isLost = this.#setup.losses.from(this.#moment)() < quality.lossRatio;
    const delayMs = quality.delayMs + quality.jitterMs * this.#setup.delays.from(this.#moment)();
    this.#askedAtMs = nowMs;
    this.#onItsWay = this.#isLost ? undefined : { ...source.loadAt(nowMs) };
    this.#arrivesMs = nowMs + delayMs;
    do this.#askMs = this.#momentMs(++this.#moment);
    while (this.#askMs < this.#arrivesMs);
  }

  #momentMs(moment: number): number {
    return this.#setup.phaseMs + moment * this.#setup.quality.scrapeMs;
  }
}
