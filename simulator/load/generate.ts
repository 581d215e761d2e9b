/**
 * The loads of the demo: open loop, so a slow pool does not slow the load down. Everything follows from the seed.
 *
 * - `mixed`: chats of several turns that send their growing history, over system prompts shared by all chats of an
 *   application; a share of them asks for LoRA adapters; some single prompts; a burst in the middle.
 * - `uniform`: the null test. Single prompts that share nothing, of one length, evenly spaced, no adapters: nothing that
 *   a picker could use.
 */
import { createRandom } from "../../src/lib/random.ts";
import { type Burst, warpIntoBurst } from "./arrivals.ts";
import { drawExponential } from "./distributions.ts";
import type { LoadRequest } from "./load-request.ts";
import { type Mix, meanTurns, SessionSource, type Turn } from "./sessions.ts";
import { randomText } from "./text.ts";

/** Names of the loads. */
export const loadNames = ["mixed", "uniform"] as const;
export type LoadName = (typeof loadNames)[number];

/** What a load is made from. */
export interface LoadOptions {
  readonly name: LoadName;
  readonly seed: number;
  /** Length of the load, above 0. */
  readonly seconds: number;
  /** Mean rate; the load has `seconds * ratePerSecond` requests, rounded. */
  readonly ratePerSecond: number;
  /** Name of the base model that requests ask for. */
  readonly model: string;
}

/** The chats, adapters and lengths of the load `mixed`. */
export const mixedLoad: Mix = {
  applications: 12,
  systemPromptTokens: { median: 320, sigma: 0.4, min: 128, max: 640 },
  adapters: 8,
  adapterShare: 0.3,
  singleShare: 0.1,
  singlePromptTokens: { median: 160, sigma: 0.7, min: 32, max: 640 },
  turns: { min: 2, max: 8 },
  userTokens: { median: 40, sigma: 0.6, min: 8, max: 160 },
  outputTokens: { median: 12, sigma: 0.5, min: 4, max: 32 },
  turnGapSeconds: { min: 3, mean: 5 },
};

/** Where the load `mixed` is heavier. */
export const mixedBurst: Burst = { from: 0.45, to: 0.6, factor: 1.5 };

/** Lengths of the load `uniform`, tokens. */
export const uniformLoad = { promptTokens: 12, outputTokens: 26 } as const;

/** The requests of a load in order of arrival, times in [0, seconds * 1000). */
export function generateLoad(options: LoadOptions): LoadRequest[] {
  const count = Math.round(options.seconds * options.ratePerSecond);
  return options.name === "mixed" ? generateMixed(options, count) : generateUniform(options, count);
}

function generateUniform({ seed, seconds, model }: LoadOptions, count: number): LoadRequest[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, id) => ({
    id,
    arrivalMs: (id * seconds * 1000) / count,
    model,
    adapter: undefined,
    prompt: { api: "completions", text: randomText(random, uniformLoad.promptTokens) },
    outputTokens: uniformLoad.outputTokens,
  }));
}

function generateMixed({ seed, seconds, ratePerSecond, model }: LoadOptions, count: number): LoadRequest[] {
  const turns = drawTurns(seed, ratePerSecond, count + 1);
  const end = turns[count]?.atSeconds ?? 0;
  return turns.slice(0, count).map(({ atSeconds, adapter, prompt, outputTokens }, id) => ({
    id,
    arrivalMs: warpIntoBurst(atSeconds / end, mixedBurst) * seconds * 1000,
    model: adapter ?? model,
    adapter,
    prompt,
    outputTokens,
  }));
}

/**
 * The first `count` turns after time 0 of sessions that begin as a Poisson process. Sessions begin long before time 0, so
 * that the load is in its steady state from the start: chats under way, histories of all lengths.
 */
function drawTurns(seed: number, ratePerSecond: number, count: number): Turn[] {
  const arrivals = createRandom(seed);
  const sessions = new SessionSource(mixedLoad, createRandom(seed + 0x5eed));
  const meanGapSeconds = meanTurns(mixedLoad) / ratePerSecond;
  const warmUpSeconds = mixedLoad.turns.max * mixedLoad.turnGapSeconds.mean * 1.5;
  const turns: Turn[] = [];
  let startSeconds = -warmUpSeconds;
  for (;;) {
    startSeconds += drawExponential(arrivals, meanGapSeconds);
    if (countBefore(turns, startSeconds) >= count) break;
    turns.push(...sessions.next(startSeconds).filter(({ atSeconds }) => atSeconds >= 0));
  }
  return turns.sort((a, b) => a.atSeconds - b.atSeconds).slice(0, count);
}

/** No session still to begin can add a turn before `seconds`. */
function countBefore(turns: readonly Turn[], seconds: number): number {
  let count = 0;
  for (const { atSeconds } of turns) if (atSeconds < seconds) count++;
  return count;
}
