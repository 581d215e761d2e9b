import { type Confidences, fullConfidence, type LoadFamily, loadFamilies } from "./belief.ts";
import type { EndpointSignals } from "./endpoint.ts";
import { ageMs, ratedValue, type Signal } from "./signal.ts";

/** Bounds of the half-life of confidence in an old sample. */
export interface HalfLifeBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Half-lives between a quarter of a second and two. */
export const defaultHalfLife: HalfLifeBounds = { minMs: 250, maxMs: 2000 };

/** What one endpoint showed at a sample, beside what was expected of it. */
export interface SampleOutcome {
  /** When the sample was asked for. */
  readonly atMs: number;
  /** As they were scraped before this sample. */
  readonly before: EndpointSignals;
  /** As they were corrected just before this sample; no blend. */
  readonly predicted: EndpointSignals;
  /** As they are scraped now. */
  readonly after: EndpointSignals;
  /** Own requests dispatched since the last sample and still open, of those dispatched before this one was asked for. */
  readonly dispatched: number;
  /** Own requests open now that were dispatched before this sample was asked for. */
  readonly openRequests: number;
}

/** Samples count as fresh for this many sample intervals, and for this long at least. */
const freshIntervals = 3;
const freshMs = 250;
/** Time over which averages forget, in milliseconds. */
const memoryMs = 10_000;
/** Moves are looked at over this time at least: from one scrape to the next counts jitter without going anywhere. */
const volatilityMs = 1_000;
/** Share of a new move in the volatility. */
const volatilityShare = 0.3;
/** Time over which an endpoint that is contradicted loses credit, and regains it. */
const creditMs = 2_000;
/** A page that shows this share of the own open requests or more is believed, one that shows `incredible` of them is not. */
const credible = 0.5;
const incredible = 0.25;
/** Fewer own open requests than this, on average, contradict nobody. */
const leastOpen = 0.25;
/** A correction that never came true still counts this much: herding costs more than an overestimate. */
const leastTrust = 0.25;
/** Squared corrections that are taken to have come true before any was seen, in requests and in shares of the cache. */
const trustedFromStart = { requests: 16, kvCacheRatio: 0.0025 };

/** How far a value may be off before half the confidence in it is lost. */
function toleranceOf(family: LoadFamily, value: number): number {
  return family === "kvCacheRatio" ? 0.1 : 2 + value / 4;
}

/** Least-squares slope of what happened on what was expected, forgetting. */
interface Slope {
  happenedByExpected: number;
  expectedSquared: number;
}

/**
 * What this picker has learned about the samples of one endpoint: how often they come, how far predictions are off, how much
 * the engine absorbs, whether the page can be true. Time enters as arguments only.
 */
export class TrackRecord {
  readonly #bounds: HalfLifeBounds;
  #lastSampleMs: number | undefined;
  #intervalMs: number | undefined;
  #absorbedPerMs = 0;
  #shownRequests = 0;
  #openRequests = 0;
  /** By place in `loadFamilies`, here and below; NaN before there is one. Typed arrays, since each sample writes them. */
  readonly #residuals = new Float64Array(loadFamilies.length).fill(Number.NaN);
  /** Squared move of the signal by millisecond. */
  readonly #volatility = new Float64Array(loadFamilies.length).fill(Number.NaN);
  /** What moves are counted from, and since when. */
  readonly #references = new Float64Array(loadFamilies.length);
  readonly #referencesMs = new Float64Array(loadFamilies.length).fill(Number.NEGATIVE_INFINITY);
  readonly #slopes: Record<"requests" | "kvCacheRatio", Slope>;
  /** `trust` as long as nothing is learned: it is asked for several times between two samples. */
  #trusted: { readonly requests: number; readonly kvCacheRatio: number } | undefined;

  constructor(bounds: HalfLifeBounds = defaultHalfLife) {
    this.#bounds = bounds;
    const slope = (): Slope => ({ happenedByExpected: 0, expectedSquared: 0 });
    this.#slopes = { requests: slope(), kvCacheRatio: slope() };
  }

  /** Mean of scraped less predicted of each signal over about the last 10 s; undefined before the second sample. */
  get residuals(): Readonly<Record<LoadFamily, number | undefined>> {
    const of = (family: LoadFamily): number | undefined => {
      const residual = this.#residuals[loadFamilies.indexOf(family)] as number;
      return Number.isNaN(residual) ? undefined : residual;
    };
    return {
      waitingRequests: of("waitingRequests"),
      runningRequests: of("runningRequests"),
      kvCacheRatio: of("kvCacheRatio"),
    };
  }

  /** 0..1, how far the endpoint's pages agree with the requests that this picker has there. */
  get credit(): number {
    if (this.#openRequests < leastOpen) return 1;
    const share = this.#shownRequests / this.#openRequests;
    return Math.min(1, Math.max(0, (share - incredible) / (credible - incredible)));
  }

  /** How much of a correction is believed: the slope of what happened on what was expected, 0.25 to 1. */
  get trust(): { readonly requests: number; readonly kvCacheRatio: number } {
    this.#trusted ??= { requests: this.#trust("requests"), kvCacheRatio: this.#trust("kvCacheRatio") };
    return this.#trusted;
  }

  /** Requests that the engine takes into its batch within `elapsedMs`, as far as it was seen to. */
  absorbedWithin(elapsedMs: number): number {
    return this.#absorbedPerMs * Math.max(0, elapsedMs);
  }

  /** True when the engine was seen to absorb anything, so that `absorbedWithin` grows with time. */
  get absorbs(): boolean {
    return this.#absorbedPerMs > 0;
  }

  /**
   * How much each sample still counts at `nowMs`. 1 while fresh; then it halves over and over. `freshUntilMs`: that of `scraped`,
   * for who has it already.
   */
  confidences(scraped: EndpointSignals, nowMs: number, freshUntilMs = this.freshUntilMs(scraped)): Confidences {
    if (nowMs <= freshUntilMs && this.credit === 1 && isKnown(scraped)) return fullConfidence;
    return {
      waitingRequests: this.#confidence("waitingRequests", scraped.waitingRequests, nowMs),
      runningRequests: this.#confidence("runningRequests", scraped.runningRequests, nowMs),
      kvCacheRatio: this.#confidence("kvCacheRatio", scraped.kvCacheRatio, nowMs),
    };
  }

  /** When samples of `scraped` stop to be fresh; Infinity when there are none. */
  freshUntilMs({ waitingRequests, runningRequests, kvCacheRatio }: EndpointSignals): number {
    const oldest = Math.min(sampledMs(waitingRequests), sampledMs(runningRequests), sampledMs(kvCacheRatio));
    return oldest + this.#freshForMs();
  }

  /** Half-life of the confidence in one signal: the time in which it was seen to move by as much as is tolerable. */
  halfLifeMs(family: LoadFamily, value: number): number {
    const { minMs, maxMs } = this.#bounds;
    const volatility = this.#volatility[loadFamilies.indexOf(family)] as number;
    // NaN: nothing is known to have moved.
    return !(volatility > 0) ? maxMs : Math.min(maxMs, Math.max(minMs, toleranceOf(family, value) ** 2 / volatility));
  }

  /** Learns from a sample. */
  learn(outcome: SampleOutcome): void {
    const { atMs } = outcome;
    const elapsedMs = this.#lastSampleMs === undefined ? undefined : atMs - this.#lastSampleMs;
    this.#lastSampleMs = atMs;
    if (elapsedMs === undefined || elapsedMs <= 0) return;
    this.#intervalMs = average(this.#intervalMs ?? Number.NaN, elapsedMs, Math.min(1, elapsedMs / memoryMs + 0.1));
    const kept = Math.exp(-elapsedMs / memoryMs);
    const { predicted, after } = outcome;
    const share = 1 - kept;
    // By name, since each sample comes by here and a field that is looked up by a variable's value takes a search.
    this.#noteValue(0, predicted.waitingRequests, after.waitingRequests, atMs, share);
    this.#noteValue(1, predicted.runningRequests, after.runningRequests, atMs, share);
    this.#noteValue(2, predicted.kvCacheRatio, after.kvCacheRatio, atMs, share);
    this.#trusted = undefined;
    fade(this.#slopes.requests, kept);
    fade(this.#slopes.kvCacheRatio, kept);
    noteRequests(this.#slopes.requests, outcome);
    noteCache(this.#slopes.kvCacheRatio, outcome);
    this.#noteAbsorption(outcome, elapsedMs, kept);
    this.#noteCredit(outcome, elapsedMs);
  }

  #freshForMs(): number {
    return Math.max(freshMs, freshIntervals * (this.#intervalMs ?? 0));
  }

  #confidence(family: LoadFamily, signal: Signal, nowMs: number): number {
    const value = ratedValue(signal);
    if (Number.isNaN(value)) return 0;
    const overdueMs = ageMs(signal, nowMs) - this.#freshForMs();
    if (overdueMs <= 0) return this.credit;
    return this.credit * 2 ** (-overdueMs / this.halfLifeMs(family, value));
  }

  #trust(of: "requests" | "kvCacheRatio"): number {
    const { happenedByExpected, expectedSquared } = this.#slopes[of];
    const prior = trustedFromStart[of];
    return Math.min(1, Math.max(leastTrust, (happenedByExpected + prior) / (expectedSquared + prior)));
  }

  /** `at`: place in `loadFamilies`. */
  #noteValue(at: number, predicted: Signal, after: Signal, atMs: number, share: number): void {
    const found = valueAt(after, atMs);
    if (found === undefined) return;
    this.#noteResidual(at, predicted.value, found, share);
    this.#noteMove(at, found, atMs);
  }

  #noteResidual(at: number, expected: number | undefined, found: number, share: number): void {
    if (expected === undefined) return;
    this.#residuals[at] = average(this.#residuals[at] as number, found - expected, share);
  }

  #noteMove(at: number, value: number, atMs: number): void {
    const sinceMs = atMs - (this.#referencesMs[at] as number);
    if (sinceMs < volatilityMs) return;
    const moved = value - (this.#references[at] as number);
    this.#references[at] = value;
    this.#referencesMs[at] = atMs;
    if (sinceMs === Number.POSITIVE_INFINITY) return;
    this.#volatility[at] = average(this.#volatility[at] as number, moved ** 2 / sinceMs, volatilityShare);
  }

  /** What was dispatched and does not wait was absorbed; the highest rate seen counts, and fades. */
  #noteAbsorption({ before, after, dispatched, atMs }: SampleOutcome, elapsedMs: number, kept: number): void {
    const waitedBefore = before.waitingRequests.value;
    const waits = valueAt(after.waitingRequests, atMs);
    if (waitedBefore === undefined || waits === undefined) return;
    const absorbed = Math.max(0, Math.min(dispatched, waitedBefore + dispatched - waits));
    this.#absorbedPerMs = Math.max(this.#absorbedPerMs * kept, absorbed / elapsedMs);
    // What is too little to move a count must not keep snapshots from being kept.
    if (this.#absorbedPerMs * memoryMs < 0.01) this.#absorbedPerMs = 0;
  }

  /** Compares what pages show with the requests that this picker holds open there, on average over a few seconds. */
  #noteCredit({ after, openRequests, atMs }: SampleOutcome, elapsedMs: number): void {
    const waiting = valueAt(after.waitingRequests, atMs);
    const running = valueAt(after.runningRequests, atMs);
    if (waiting === undefined || running === undefined) return;
    const share = 1 - Math.exp(-elapsedMs / creditMs);
    this.#shownRequests += share * (Math.min(openRequests, waiting + running) - this.#shownRequests);
    this.#openRequests += share * (openRequests - this.#openRequests);
  }
}

/** Every load signal has a value that scorers can rate. */
function isKnown({ waitingRequests, runningRequests, kvCacheRatio }: EndpointSignals): boolean {
  return !Number.isNaN(ratedValue(waitingRequests) + ratedValue(runningRequests) + ratedValue(kvCacheRatio));
}

/** Infinity for what was never sampled: it cannot grow old. */
function sampledMs({ sampledAtMs }: Signal): number {
  return Number.isFinite(sampledAtMs) ? sampledAtMs : Number.POSITIVE_INFINITY;
}

function fade(slope: Slope, kept: number): void {
  slope.happenedByExpected *= kept;
  slope.expectedSquared *= kept;
}

function noteMoves(slope: Slope, expected: number, happened: number): void {
  slope.happenedByExpected += happened * expected;
  slope.expectedSquared += expected ** 2;
}

/** Moves of waiting and running together: what an engine absorbs moves from one to the other. */
function noteRequests(slope: Slope, { before, predicted, after, atMs }: SampleOutcome): void {
  const waiting = valueAt(after.waitingRequests, atMs);
  const running = valueAt(after.runningRequests, atMs);
  const was = loadOf(before);
  const expected = loadOf(predicted);
  if (waiting === undefined || running === undefined || was === undefined || expected === undefined) return;
  noteMoves(slope, expected - was, waiting + running - was);
}

function loadOf({ waitingRequests, runningRequests }: EndpointSignals): number | undefined {
  if (waitingRequests.value === undefined || runningRequests.value === undefined) return undefined;
  return waitingRequests.value + runningRequests.value;
}

function noteCache(slope: Slope, { before, predicted, after, atMs }: SampleOutcome): void {
  const is = valueAt(after.kvCacheRatio, atMs);
  const was = before.kvCacheRatio.value;
  const expected = predicted.kvCacheRatio.value;
  if (was === undefined || expected === undefined || is === undefined) return;
  noteMoves(slope, expected - was, is - was);
}

/** The value of a signal that this very sample brought; a total says nothing about now. */
function valueAt(signal: Signal, atMs: number): number | undefined {
  return signal.sampledAtMs === atMs && signal.source !== "total" ? signal.value : undefined;
}

/** `before` is NaN where there is none yet. */
function average(before: number, next: number, share: number): number {
  return Number.isNaN(before) ? next : before + share * (next - before);
}
