import type { Random } from "../../src/lib/random.ts";
import { drawExponential, drawLength, drawWhole, drawZipf, type LengthDistribution } from "./distributions.ts";
import type { ChatMessage, Prompt } from "./load-request.ts";
import { randomText } from "./text.ts";

/** Who asks, and how: the parameters of a load of chats and single prompts. */
export interface Mix {
  /** Applications, each with a system prompt of its own; the first are the busiest (Zipf). */
  readonly applications: number;
  readonly systemPromptTokens: LengthDistribution;
  /** LoRA adapters `adapter-1`, ...; each belongs to an application of its own with its own system prompt (Zipf). */
  readonly adapters: number;
  /** Share of the sessions that use an adapter, 0..1. */
  readonly adapterShare: number;
  /** Share of the sessions that are one bare prompt instead of a chat, 0..1. */
  readonly singleShare: number;
  readonly singlePromptTokens: LengthDistribution;
  /** Turns of a chat, every number from `min` to `max` equally likely. */
  readonly turns: { readonly min: number; readonly max: number };
  readonly userTokens: LengthDistribution;
  readonly outputTokens: LengthDistribution;
  /** From one turn's arrival to the next: `min` and beyond it exponential up to a mean of `mean`, seconds. */
  readonly turnGapSeconds: { readonly min: number; readonly mean: number };
}

/** A request before it has its place in the load. */
export interface Turn {
  /** Seconds on the sessions' time line. */
  readonly atSeconds: number;
  readonly adapter: string | undefined;
  readonly prompt: Prompt;
  readonly outputTokens: number;
}

/** Mean number of requests in a session. */
export function meanTurns({ singleShare, turns }: Mix): number {
  return singleShare + (1 - singleShare) * ((turns.min + turns.max) / 2);
}

interface Application {
  readonly adapter: string | undefined;
  readonly systemPrompt: string;
}

/** Draws sessions one after another. The same mix and random sequence give the same sessions. */
export class SessionSource {
  readonly #mix: Mix;
  readonly #random: Random;
  readonly #applications: readonly Application[];
  readonly #adapterApplications: readonly Application[];

  constructor(mix: Mix, random: Random) {
    this.#mix = mix;
    this.#random = random;
    const create = (adapter: string | undefined): Application => ({
      adapter,
      systemPrompt: randomText(random, drawLength(random, mix.systemPromptTokens)),
    });
    this.#applications = Array.from({ length: mix.applications }, () => create(undefined));
    this.#adapterApplications = Array.from({ length: mix.adapters }, (_, i) => create(`adapter-${i + 1}`));
  }

  /** The turns of a session that begins at `startSeconds`, in order. */
  next(startSeconds: number): Turn[] {
    const application = this.#chooseApplication();
    if (this.#random() < this.#mix.singleShare) return [this.#single(application, startSeconds)];
    return this.#chat(application, startSeconds);
  }

  #chooseApplication(): Application {
    const usesAdapter = this.#random() < this.#mix.adapterShare;
    const choices = usesAdapter ? this.#adapterApplications : this.#applications;
    const chosen = choices[drawZipf(this.#random, choices.length)];
    if (chosen === undefined) throw new RangeError("Cannot draw an application: 0 of them, expected at least 1");
    return chosen;
  }

  #single({ adapter }: Application, atSeconds: number): Turn {
    const text = randomText(this.#random, drawLength(this.#random, this.#mix.singlePromptTokens));
    return { atSeconds, adapter, prompt: { api: "completions", text }, outputTokens: this.#drawOutput() };
  }

  /** Each turn sends the whole history. Answers in it are stand-ins of the right length, since the load is made before any answer. */
  #chat({ adapter, systemPrompt }: Application, startSeconds: number): Turn[] {
    const { turns: turnCount, turnGapSeconds, userTokens } = this.#mix;
    const history: ChatMessage[] = [{ role: "system", content: systemPrompt }];
    const turns: Turn[] = [];
    let atSeconds = startSeconds;
    for (let left = drawWhole(this.#random, turnCount.min, turnCount.max); left > 0; left--) {
      history.push({ role: "user", content: randomText(this.#random, drawLength(this.#random, userTokens)) });
      const outputTokens = this.#drawOutput();
      turns.push({ atSeconds, adapter, prompt: { api: "chat-completions", messages: [...history] }, outputTokens });
      history.push({ role: "assistant", content: randomText(this.#random, outputTokens) });
      atSeconds += turnGapSeconds.min + drawExponential(this.#random, turnGapSeconds.mean - turnGapSeconds.min);
    }
    return turns;
  }

  #drawOutput(): number {
    return drawLength(this.#random, this.#mix.outputTokens);
  }
}
