import type { Random } from "../../src/lib/random.ts";
import type { RequestTable } from "../engine/request-table.ts";
import { drawZipf } from "../load/distributions.ts";
import { RequestTableBuilder } from "../traces/request-table-builder.ts";
import { type Arrivals, drawArrivals } from "./arrivals.ts";
import { createSampler, type Distribution, drawTokens, type Sampler } from "./distributions.ts";
import type { LoadSize } from "./single-requests.ts";
import { loadStream } from "./streams.ts";
import { generatedBlockTokens, TokenChain } from "./token-chain.ts";

/** Who begins sessions: strangers at a rate, or a fixed number of users, each of whom begins the next after the last one. */
export type SessionStarts =
  | ({ readonly kind: "open" } & Omit<Arrivals, "burst">)
  /** `users` begin evenly spread over `rampSeconds`; a closed loop: a slow pool is asked less. */
  | { readonly kind: "users"; readonly users: number; readonly rampSeconds: number };

/** Chats and agents: each turn sends everything before it, answers included. */
export interface Sessions extends LoadSize {
  readonly starts: SessionStarts;
  /** Turns of a session. */
  readonly turns: Distribution;
  /** System prompts, each shared by all sessions of an application; the first are the busiest (Zipf). 0: none. */
  readonly applications: number;
  readonly systemPromptTokens: number;
  /** What the first turn adds to the system prompt: a document, a code base. */
  readonly contextTokens: Distribution;
  /** What each later turn adds to the answer before. */
  readonly turnTokens: Distribution;
  readonly outputTokens: Distribution;
  /** From the end of an answer to the next turn, seconds. */
  readonly thinkSeconds: Distribution;
  /** Prompt tokens at which a session ends early. */
  readonly maxPromptTokens: number;
  /** Model asked for; default "model". */
  readonly model?: string;
}

/**
 * A load of sessions. Within a session each turn arrives after the answer before it and the time to think. The blocks of a turn
 * name its answer too where a turn follows, so that a server that kept it finds it.
 */
export function generateSessions(load: Sessions): RequestTable {
  return new SessionWriter(load).write();
}

/** Where the next request of a user or session stands. */
interface Place {
  readonly arrivalMs: number;
  readonly after: number | undefined;
}

class SessionWriter {
  readonly #load: Sessions;
  readonly #requests: RequestTableBuilder;
  readonly #samplers: Readonly<Record<"turns" | "context" | "turn" | "output" | "think", Sampler>>;
  readonly #lengths: Random;
  readonly #thinking: Random;
  readonly #prefixes: Random;
  readonly #systemPrompts: readonly TokenChain[];
  #sessions = 0;

  constructor(load: Sessions) {
    this.#load = load;
    this.#requests = new RequestTableBuilder(generatedBlockTokens, load.model ?? "model");
    this.#samplers = {
      turns: createSampler(load.turns),
      context: createSampler(load.contextTokens),
      turn: createSampler(load.turnTokens),
      output: createSampler(load.outputTokens),
      think: createSampler(load.thinkSeconds),
    };
    this.#lengths = loadStream(load.seed, "lengths");
    this.#thinking = loadStream(load.seed, "thinking");
    this.#prefixes = loadStream(load.seed, "prefixes");
    this.#systemPrompts = Array.from({ length: load.applications }, () =>
      TokenChain.empty().append(this.#requests, load.systemPromptTokens),
    );
  }

  write(): RequestTable {
    const { starts } = this.#load;
    if (starts.kind === "open") this.#writeOpen(starts);
    else this.#writeUsers(starts);
    return this.#requests.build();
  }

  #writeOpen(starts: Arrivals): void {
    const times = drawArrivals(this.#load.requests, starts, loadStream(this.#load.seed, "arrivals"));
    for (const arrivalMs of times) {
      if (this.#left <= 0) return;
      this.#writeSession({ arrivalMs, after: undefined });
    }
  }

  #writeUsers({ users, rampSeconds }: SessionStarts & { readonly kind: "users" }): void {
    if (!(users >= 1)) throw new RangeError(`Cannot generate a load of "${users}" users: expected at least 1`);
    const places: Place[] = Array.from({ length: users }, (_, user) => ({
      arrivalMs: (user * rampSeconds * 1000) / users,
      after: undefined,
    }));
    // One session of each in turn: who is through sooner does not get more of the load.
    for (let user = 0; this.#left > 0; user = (user + 1) % users) {
      places[user] = this.#writeSession(places[user] as Place);
    }
  }

  get #left(): number {
    return this.#load.requests - this.#requests.count;
  }

  /** Writes the turns of a session that begins at `place`; returns where the next request of its user stands. */
  #writeSession(place: Place): Place {
    const { maxPromptTokens } = this.#load;
    const session = this.#sessions++;
    const text = this.#drawSystemPrompt();
    let next = place;
    for (let left = drawTokens(this.#samplers.turns, this.#lengths); left > 0 && this.#left > 0; left--) {
      const adds = next === place ? this.#samplers.context : this.#samplers.turn;
      text.append(this.#requests, drawTokens(adds, this.#lengths));
      const outputTokens = drawTokens(this.#samplers.output, this.#lengths);
      const promptTokens = text.tokens;
      text.append(this.#requests, outputTokens);
      const isLast = left === 1 || text.tokens >= maxPromptTokens;
      next = this.#writeTurn(next, { promptTokens, outputTokens, session });
      const promptBlocks = Math.floor(promptTokens / generatedBlockTokens);
      this.#requests.addBlockIds(isLast ? text.ids.slice(0, promptBlocks) : text.ids);
      if (isLast) break;
    }
    return next;
  }

  #writeTurn(
    { arrivalMs, after }: Place,
    turn: { readonly promptTokens: number; readonly outputTokens: number; readonly session: number },
  ): Place {
    const delayMs = after === undefined ? 0 : Math.max(0, this.#samplers.think(this.#thinking)) * 1000;
    const earliestMs = arrivalMs + delayMs;
    const follows = after === undefined ? {} : { after, delayMs };
    const request = this.#requests.add({ arrivalMs: earliestMs, ...turn, ...follows });
    return { arrivalMs: earliestMs, after: request };
  }

  #drawSystemPrompt(): TokenChain {
    if (this.#systemPrompts.length === 0) return TokenChain.empty();
    return (this.#systemPrompts[drawZipf(this.#prefixes, this.#systemPrompts.length)] as TokenChain).fork();
  }
}
