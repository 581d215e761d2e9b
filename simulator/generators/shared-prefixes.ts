import type { RequestTable } from "../engine/request-table.ts";
import { drawZipf } from "../load/distributions.ts";
import { RequestTableBuilder } from "../traces/request-table-builder.ts";
import { type Arrivals, drawArrivals } from "./arrivals.ts";
import { createSampler, type Distribution, drawTokens } from "./distributions.ts";
import type { LoadSize } from "./single-requests.ts";
import { loadStream } from "./streams.ts";
import { generatedBlockTokens, TokenChain } from "./token-chain.ts";

/** Questions over documents or system prompts that many of them share. */
export interface SharedPrefixes extends LoadSize, Arrivals {
  /** Prefixes, at least 1. */
  readonly groups: number;
  readonly prefixTokens: number;
  readonly questionTokens: number;
  readonly outputTokens: Distribution;
  /** Questions of a group, asked again and again; 0: every question is asked once. */
  readonly questionsPerGroup: number;
  /** `even` (default): all questions in turn, in an order by the seed; `zipf`: group i is asked 1 / (i + 1) times as often as group 0. */
  readonly popularity?: "even" | "zipf";
  /** Model asked for; default "model". */
  readonly model?: string;
}

/**
 * A load in the manner of inference-perf's shared prefixes: `groups` times `questionsPerGroup` prompts, each a prefix of its group and a
 * question of its own, asked in turn.
 */
export function generateSharedPrefixes(load: SharedPrefixes): RequestTable {
  const requests = new RequestTableBuilder(generatedBlockTokens, load.model ?? "model");
  const outputs = createSampler(load.outputTokens);
  const lengths = loadStream(load.seed, "lengths");
  const prompts = new PromptSource(load, requests);
  for (const arrivalMs of drawArrivals(load.requests, load, loadStream(load.seed, "arrivals"))) {
    const prompt = prompts.next();
    requests.add({ arrivalMs, promptTokens: prompt.tokens, outputTokens: drawTokens(outputs, lengths) });
    requests.addBlockIds(prompt.ids);
  }
  return requests.build();
}

class PromptSource {
  readonly #load: SharedPrefixes;
  readonly #requests: RequestTableBuilder;
  readonly #random;
  readonly #prefixes: readonly TokenChain[];
  /** `#questions[group * questionsPerGroup + question]`, made when first asked. */
  readonly #questions: (TokenChain | undefined)[] = [];
  readonly #order: readonly number[];
  #asked = 0;

  constructor(load: SharedPrefixes, requests: RequestTableBuilder) {
    this.#load = load;
    this.#requests = requests;
    this.#random = loadStream(load.seed, "prefixes");
    this.#prefixes = Array.from({ length: load.groups }, () => TokenChain.empty().append(requests, load.prefixTokens));
    const order = Array.from({ length: load.groups * Math.max(1, load.questionsPerGroup) }, (_, i) => i);
    for (let i = order.length - 1; i > 0; i--) {
      const other = Math.floor(this.#random() * (i + 1));
      [order[i], order[other]] = [order[other] as number, order[i] as number];
    }
    this.#order = order;
  }

  next(): TokenChain {
    const { questionsPerGroup, groups, questionTokens, popularity } = this.#load;
    const perGroup = Math.max(1, questionsPerGroup);
    const inTurn = this.#order[this.#asked++ % this.#order.length] as number;
    const group = popularity === "zipf" ? drawZipf(this.#random, groups) : Math.floor(inTurn / perGroup);
    const place = group * perGroup + (inTurn % perGroup);
    const known = questionsPerGroup === 0 ? undefined : this.#questions[place];
    if (known !== undefined) return known;
    const prefix = this.#prefixes[group] as TokenChain;
    const prompt = prefix.fork().append(this.#requests, questionTokens);
    this.#questions[place] = prompt;
    return prompt;
  }
}
