import type { RecordedSample } from "../../src/recording/line.ts";
import { type BusyInterval, leastSteps, storedShare } from "../metrics/busy-intervals.ts";
import { HeldValue, lastUpTo } from "../statistics/held-value.ts";
import { type RecordedRequest, type RecordedRun, runningOf } from "./recorded-run.ts";

/**
 * Stretches of a recording that say how long steps take: the time from the first to the last token of each streamed answer, in
 * which its server took a step for each token after the first. Requests and context of these steps are those that samples
 * show, prompt tokens computed those of answers that began in it. Stretches overlap. `kvTokens`: tokens of a KV cache whose samples do not
 * say it. Answers of a few tokens, and those that were moved or broken off, are left out.
 */
export function recordedStretches(run: RecordedRun, kvTokens: number): BusyInterval[] {
  const byEndpoint = new Map<number, RecordedRequest[]>();
  for (const request of run.requests) {
    if (request.endpoint === undefined) continue;
    const known = byEndpoint.get(request.endpoint);
    if (known === undefined) byEndpoint.set(request.endpoint, [request]);
    else known.push(request);
  }
  return [...byEndpoint].flatMap(([e, requests]) => {
    const server = new RecordedServer(run.samples.get(e) ?? [], requests, kvTokens);
    return requests.flatMap((request) => server.stretchOf(request) ?? []);
  });
}

/** Tokens that the KV cache of an endpoint holds, and a block of it, as its samples say last; undefined: they do not. */
export function recordedCache(
  samples: readonly RecordedSample[],
): { readonly kvTokens: number; readonly blockSizeTokens: number } | undefined {
  const { blocks, blockSizeTokens } = samples.findLast(({ cache }) => isWhole(cache))?.cache ?? {};
  if (!blocks || !blockSizeTokens) return undefined;
  return { kvTokens: blocks * blockSizeTokens, blockSizeTokens };
}

function isWhole(cache: RecordedSample["cache"]): boolean {
  return (cache?.blocks ?? 0) > 0 && (cache?.blockSizeTokens ?? 0) > 0;
}

class RecordedServer {
  readonly #running: HeldValue;
  readonly #contextTokens: HeldValue;
  readonly #prefills: PrefillTotals;

  constructor(samples: readonly RecordedSample[], requests: readonly RecordedRequest[], kvTokens: number) {
    const tokens = recordedCache(samples)?.kvTokens ?? kvTokens;
    const stored = storedShareOf(requests);
    const held = (read: (sample: RecordedSample) => number): HeldValue =>
      new HeldValue(samples.map((sample) => ({ atMs: sample.atMs, value: read(sample) })));
    this.#running = held(runningOf);
    this.#contextTokens = held(({ kv }) => ((kv ?? Number.NaN) * tokens) / stored);
    this.#prefills = new PrefillTotals(requests);
  }

  stretchOf({ pick, firstMs, done }: RecordedRequest): BusyInterval | undefined {
    const steps = (done?.outputTokens ?? 0) - 1;
    if (pick.streaming !== true || firstMs === undefined || done?.cause !== "completed" || steps < leastSteps) return;
    const interval = {
      atMs: (firstMs + done.atMs) / 2,
      steps,
      stepMs: (done.atMs - firstMs) / steps,
      generated: this.#running.mean(firstMs, done.atMs),
      contextTokens: this.#contextTokens.mean(firstMs, done.atMs),
      computed: this.#prefills.between(firstMs, done.atMs) / steps,
    };
    const isKnown = Object.values(interval).every((value) => Number.isFinite(value));
    return isKnown && interval.stepMs > 0 ? interval : undefined;
  }
}

/** Prompt tokens that a server computed up to a moment, by when prompts were done: at the first token, or unseen at once. */
class PrefillTotals {
  readonly #atMs: Float64Array;
  readonly #upTo: Float64Array;

  constructor(requests: readonly RecordedRequest[]) {
    const prefills = requests
      .map(({ pick, firstMs, done }) => ({
        atMs: firstMs ?? pick.decidedAtMs,
        tokens: Math.max(0, (done?.promptTokens ?? pick.promptTokens ?? 0) - (done?.cachedTokens ?? 0)),
      }))
      .toSorted((a, b) => a.atMs - b.atMs);
    let total = 0;
    this.#atMs = Float64Array.from(prefills, ({ atMs }) => atMs);
    this.#upTo = Float64Array.from(prefills, ({ tokens }) => (total += tokens));
  }

  /** Tokens of prompts done after `fromMs`, up to `toMs`. */
  between(fromMs: number, toMs: number): number {
    const at = (ms: number): number => this.#upTo[lastUpTo(this.#atMs, ms)] ?? 0;
    return at(toMs) - at(fromMs);
  }
}

/** Of the contexts on a server, by what its responses say of cached tokens. */
function storedShareOf(requests: readonly RecordedRequest[]): number {
  let [hits, queries, answerTokens] = [0, 0, 0];
  for (const { done } of requests) {
    if (done?.cachedTokens === undefined || done.promptTokens === undefined) continue;
    hits += done.cachedTokens;
    queries += done.promptTokens;
    answerTokens += done.outputTokens ?? 0;
  }
  return storedShare({ hitRatio: hits / queries, promptTokens: queries, answerTokens });
}
