import {
  type Believed,
  blend,
  type Confidences,
  fullConfidence,
  loadFamilies,
  needsPrior,
  type PoolPrior,
} from "./belief.ts";
import { type CorrectedFamily, correctSignals, type OwnWork } from "./correct.ts";
import type { Endpoint, EndpointSignals, EndpointSpec } from "./endpoint.ts";
import type { LedgerAccount, OwnSince } from "./ledger-account.ts";
import { applySample, type Sample, unknownSignals } from "./sample.ts";
import { ageMs } from "./signal.ts";
import type { SlowStart } from "./slow-start.ts";
import type { HalfLifeBounds } from "./track-record.ts";
import { TrackRecord } from "./track-record.ts";

/** How signals are treated; the store's options. */
export interface SignalRules {
  /** Correct signals between samples and blend what is old; off: endpoints show what was scraped. */
  readonly corrections: boolean;
  readonly halfLife: HalfLifeBounds;
  /** Whether some endpoint has shown an adapter of this name. */
  readonly isAdapter: (model: string) => boolean;
}

const noAdapters: readonly string[] = [];

/** A sample that is on its way: what happens from here on is not in it. */
interface Announced {
  readonly atMs: number;
  readonly window: OwnSince;
  readonly predicted: EndpointSignals;
  readonly dispatched: number;
  readonly openRequests: number;
}

/** One endpoint of the pool and all that is known of it. */
export class Member implements Believed {
  spec: EndpointSpec;
  readonly account: LedgerAccount;
  readonly trackRecord: TrackRecord;
  readonly joinedAtMs: number;
  refusalsInRow = 0;
  lastResort = false;
  /** While it joins a working pool. */
  slowStart: SlowStart | undefined;
  /** As corrected when `refresh` was last called, before any blend. */
  signals: EndpointSignals = unknownSignals;
  confidences: Confidences = fullConfidence;
  /** Signals are blended with the pool's mean: some are old, contradicted or were never there. Up to date after `refresh`. */
  needsPrior = false;
  readonly #rules: SignalRules;
  #scraped: EndpointSignals = unknownSignals;
  #windows: Record<CorrectedFamily, OwnSince | undefined> = {
    waitingRequests: undefined,
    runningRequests: undefined,
    kvCacheRatio: undefined,
  };
  #announced: Announced | undefined;
  #endpoint: Endpoint | undefined;
  #isRefreshed = false;
  #refreshedMs = Number.NEGATIVE_INFINITY;
  #validUntilMs = Number.POSITIVE_INFINITY;

  constructor(spec: EndpointSpec, account: LedgerAccount, rules: SignalRules, joinedAtMs: number) {
    this.joinedAtMs = joinedAtMs;
    this.spec = spec;
    this.account = account;
    this.#rules = rules;
    this.trackRecord = new TrackRecord(rules.halfLife);
  }

  get openRequests(): number {
    return this.account.openRequests;
  }

  /** Something changed: the next `describe` makes a new object. */
  touch(): void {
    this.#endpoint = undefined;
    this.#isRefreshed = false;
  }

  /**
   * Until when time alone changes nothing of what `refresh` found: samples stay fresh, nothing is being absorbed, no slow
   * start ends. In the past where something changes all the time.
   */
  get validUntilMs(): number {
    return this.#validUntilMs;
  }

  /** Brings `signals` and `confidences` up to date. */
  refresh(nowMs: number): void {
    if (this.#isRefreshed && nowMs <= this.#validUntilMs) return;
    this.touch();
    this.#isRefreshed = true;
    this.#refreshedMs = nowMs;
    if (!this.#rules.corrections) {
      this.signals = this.#scraped;
      return;
    }
    this.signals = this.#correct(nowMs);
    const freshUntilMs = this.trackRecord.freshUntilMs(this.#scraped);
    this.confidences = this.trackRecord.confidences(this.#scraped, nowMs, freshUntilMs);
    this.needsPrior = needsPrior(this);
    this.#validUntilMs = this.#isMoving ? nowMs : freshUntilMs;
  }

  get #isMoving(): boolean {
    if (this.slowStart !== undefined) return true;
    return this.trackRecord.absorbs && (this.#windows.waitingRequests?.dispatchedOpen ?? 0) > 0;
  }

  /** The endpoint as decisions see it: the same object until something changes. To be called after `refresh`. */
  describe(prior: PoolPrior | undefined): Endpoint {
    const kept = this.#endpoint;
    const isBlended = prior !== undefined && this.needsPrior;
    if (kept !== undefined && !isBlended) return kept;
    const signals = isBlended ? blend(this, prior) : this.signals;
    // Since `touch` only the prior can have changed.
    if (kept !== undefined && isSameLoad(kept.signals, signals)) return kept;
    const { id, incarnation, name, namespace, host, port, address, labels } = this.spec;
    // Field by field, since a spread is slow and this runs several times a request.
    this.#endpoint = {
      id,
      incarnation,
      name,
      namespace,
      host,
      port,
      address,
      labels,
      signals,
      inFlightRequests: this.account.openRequests,
      prefillTokens: this.account.prefillTokens,
      lastResort: this.lastResort,
      slowStart: this.slowStart?.position,
    };
    return this.#endpoint;
  }

  /** A sample is asked for now; `window` counts from here. */
  announce(nowMs: number, window: OwnSince): void {
    this.#announced = this.#expect(nowMs, window);
    this.#dropUnusedWindows();
  }

  /** Takes over a sample; `window` counts from now on and is used where the sample was not announced. */
  put(sample: Sample, window: () => OwnSince): void {
    const isAnnounced = this.#announced?.atMs === sample.sampledAtMs;
    const announced = isAnnounced ? this.#announced : undefined;
    const expected = announced ?? this.#expect(sample.sampledAtMs, window());
    if (announced !== undefined) this.#announced = undefined;
    const before = this.#scraped;
    this.#scraped = applySample(before, sample);
    this.#countFrom(expected.window, sample);
    // Field by field, since a spread is slow and this runs for every sample.
    const { atMs, predicted, dispatched, openRequests } = expected;
    this.trackRecord.learn({ atMs, before, predicted, after: this.#scraped, dispatched, openRequests });
    this.touch();
  }

  #countFrom(window: OwnSince, sample: Sample): void {
    const windows = this.#windows;
    const { waitingRequests, runningRequests, kvCacheRatio } = windows;
    if (sample.waitingRequests !== undefined) windows.waitingRequests = window;
    if (sample.runningRequests !== undefined) windows.runningRequests = window;
    if (sample.kvCacheRatio !== undefined) windows.kvCacheRatio = window;
    const isSame =
      windows.waitingRequests === waitingRequests &&
      windows.runningRequests === runningRequests &&
      windows.kvCacheRatio === kvCacheRatio;
    if (!isSame) this.#dropUnusedWindows();
  }

  #expect(nowMs: number, window: OwnSince): Announced {
    return {
      atMs: nowMs,
      window,
      predicted: this.#predict(nowMs),
      dispatched: this.#windows.waitingRequests?.dispatchedOpen ?? 0,
      openRequests: this.account.openRequests,
    };
  }

  #predict(nowMs: number): EndpointSignals {
    if (!this.#rules.corrections) return this.#scraped;
    const isKnown = this.#isRefreshed && nowMs >= this.#refreshedMs && nowMs <= this.#validUntilMs;
    return isKnown ? this.signals : this.#correct(nowMs);
  }

  #correct(nowMs: number): EndpointSignals {
    const dispatchedOpen = this.#windows.waitingRequests?.dispatchedOpen ?? 0;
    const sinceMs = ageMs(this.#scraped.waitingRequests, nowMs);
    const work: OwnWork = {
      since: this.#windows,
      openRequests: this.account.openRequests,
      residentTokens: this.account.residentTokens,
      // Nothing is said of adapters where none was ever seen.
      adapters: this.#scraped.adapters.value === undefined ? noAdapters : this.#adapters(),
      absorbed: dispatchedOpen === 0 ? 0 : Math.min(dispatchedOpen, this.trackRecord.absorbedWithin(sinceMs)),
      trust: this.trackRecord.trust,
    };
    return correctSignals(this.#scraped, work);
  }

  #adapters(): string[] {
    const adapters: string[] = [];
    for (const model of this.account.models) if (this.#rules.isAdapter(model)) adapters.push(model);
    return adapters;
  }

  #dropUnusedWindows(): void {
    const { waitingRequests, runningRequests, kvCacheRatio } = this.#windows;
    this.account.keepWindows([waitingRequests, runningRequests, kvCacheRatio, this.#announced?.window]);
  }
}

function isSameLoad(a: EndpointSignals, b: EndpointSignals): boolean {
  return loadFamilies.every((family) => a[family].value === b[family].value);
}
