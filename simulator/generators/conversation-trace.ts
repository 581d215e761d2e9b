import type { Random } from "../../src/lib/random.ts";
import type { RequestTable } from "../engine/request-table.ts";
import { RequestTableBuilder } from "../traces/request-table-builder.ts";
import { rootBlock } from "../traces/block-chains.ts";
import { type Arrivals, drawArrivals } from "./arrivals.ts";
import { createSampler, drawTokens, type Sampler } from "./distributions.ts";
import { mooncakeStatistics, type ReuseStatistics } from "./published-statistics.ts";
import type { LoadSize } from "./single-requests.ts";
import { loadStream } from "./streams.ts";

/** A load in the manner of Mooncake's conversation trace. */
export interface ConversationTrace extends LoadSize, Arrivals {
  /** Model asked for; default "model". */
  readonly model?: string;
}

const blockTokens = 512;

/**
 * Requests with the lengths, the reuse of prefixes and its distance in time of Mooncake's conversation trace: all share their first block,
 * and some go on from an earlier request, most from its end. Open loop; blocks of 512 tokens.
 */
export function generateConversationTrace(load: ConversationTrace): RequestTable {
  const requests = new RequestTableBuilder(blockTokens, load.model ?? "model");
  const source = new ReuseSource(mooncakeStatistics.reuse, requests, load.seed);
  const outputs = createSampler(mooncakeStatistics.outputTokens);
  const lengths = loadStream(load.seed, "lengths");
  for (const arrivalMs of drawArrivals(load.requests, load, loadStream(load.seed, "arrivals"))) {
    const { promptTokens, ids } = source.next(arrivalMs);
    requests.add({ arrivalMs, promptTokens, outputTokens: drawTokens(outputs, lengths) });
    requests.addBlockIds(ids);
  }
  return requests.build();
}

interface Prompt {
  readonly atMs: number;
  readonly promptTokens: number;
  readonly ids: readonly number[];
}

class ReuseSource {
  readonly #statistics: ReuseStatistics;
  readonly #requests: RequestTableBuilder;
  readonly #random: Random;
  readonly #samplers: Readonly<Record<"fresh" | "added" | "ago" | "reused", Sampler>>;
  readonly #firstBlock: number;
  readonly #prompts: Prompt[] = [];

  constructor(statistics: ReuseStatistics, requests: RequestTableBuilder, seed: number) {
    this.#statistics = statistics;
    this.#requests = requests;
    this.#random = loadStream(seed, "prefixes");
    this.#samplers = {
      fresh: createSampler(statistics.freshTokens),
      added: createSampler(statistics.addedTokens),
      ago: createSampler(statistics.agoSeconds),
      reused: createSampler(statistics.reusedShare),
    };
    this.#firstBlock = requests.chains.fresh(rootBlock);
  }

  next(atMs: number): Prompt {
    const reused = this.#random() < this.#statistics.continuingShare ? this.#drawReused(atMs) : undefined;
    const own = reused === undefined ? this.#samplers.fresh : this.#samplers.added;
    const tokens = (reused?.length ?? 0) * blockTokens + drawTokens(own, this.#random);
    const promptTokens = Math.min(tokens, this.#statistics.maxTokens);
    const ids = reused === undefined ? [this.#firstBlock] : [...reused];
    const blocks = Math.floor(promptTokens / blockTokens);
    ids.length = Math.min(ids.length, blocks);
    while (ids.length < blocks) ids.push(this.#requests.chains.fresh(ids.at(-1) ?? rootBlock));
    const prompt = { atMs, promptTokens, ids };
    this.#prompts.push(prompt);
    return prompt;
  }

  /** Leading blocks of an earlier prompt; undefined when there is none of two blocks and more. */
  #drawReused(atMs: number): readonly number[] | undefined {
    const fromMs = atMs - this.#samplers.ago(this.#random) * 1000;
    let at = this.#firstFrom(fromMs);
    while (at < this.#prompts.length && (this.#prompts[at] as Prompt).ids.length < 2) at++;
    const prompt = this.#prompts[at];
    if (prompt === undefined) return undefined;
    const blocks = Math.round(this.#samplers.reused(this.#random) * prompt.ids.length);
    return prompt.ids.slice(0, Math.max(2, blocks));
  }

  /** Index of the first prompt not before `fromMs`. */
  #firstFrom(fromMs: number): number {
    let [low, high] = [0, this.#prompts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#prompts[middle] as Prompt).atMs < fromMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
