import type { Random } from "../../src/lib/random.ts";
import type { RequestTable } from "../engine/request-table.ts";
import { RequestTableBuilder } from "../traces/request-table-builder.ts";
import { type Arrivals, drawArrivals } from "./arrivals.ts";
import { createSampler, type Distribution, drawTokens } from "./distributions.ts";
import { loadStream } from "./streams.ts";
import { generatedBlockTokens, TokenChain } from "./token-chain.ts";

/** What every load is made from. */
export interface LoadSize {
  /** Chance of the load: the same seed gives the same load. */
  readonly seed: number;
  /** At least 1. */
  readonly requests: number;
}

/** A LoRA adapter and how much it is asked for. */
export interface AdapterShare {
  readonly name: string;
  /** Any weight above 0; shares need not sum to 1. */
  readonly share: number;
  /** Tokens of a system prompt that all requests for the adapter begin with; default none. */
  readonly systemPromptTokens?: number;
}

/** Requests that have nothing to do with each other. */
export interface SingleRequests extends LoadSize, Arrivals {
  readonly promptTokens: Distribution;
  readonly outputTokens: Distribution;
  /** Each request asks for one of them by its share; default: all ask for the base model. */
  readonly adapters?: readonly AdapterShare[];
  /** Model asked for; default "model". */
  readonly model?: string;
}

/** A load of single requests in an open loop. Prompts share no prefix, but for system prompts of adapters. */
export function generateSingleRequests(load: SingleRequests): RequestTable {
  const requests = new RequestTableBuilder(generatedBlockTokens, load.model ?? "model");
  const [prompts, outputs] = [createSampler(load.promptTokens), createSampler(load.outputTokens)];
  const lengths = loadStream(load.seed, "lengths");
  const choices = loadStream(load.seed, "adapters");
  const adapters = (load.adapters ?? []).map((adapter) => ({
    ...adapter,
    systemPrompt: TokenChain.empty().append(requests, adapter.systemPromptTokens ?? 0),
  }));
  for (const arrivalMs of drawArrivals(load.requests, load, loadStream(load.seed, "arrivals"))) {
    const [own, outputTokens] = [drawTokens(prompts, lengths), drawTokens(outputs, lengths)];
    const adapter = adapters.length === 0 ? undefined : drawByShare(adapters, choices);
    const promptTokens = own + (adapter?.systemPrompt.tokens ?? 0);
    requests.add({ arrivalMs, promptTokens, outputTokens, ...(adapter && { adapter: adapter.name }) });
    if (adapter !== undefined) requests.addBlockIds(adapter.systemPrompt.ids);
  }
  return requests.build();
}

function drawByShare<Item extends { readonly share: number }>(items: readonly Item[], random: Random): Item {
  let left = random() * items.reduce((sum, { share }) => sum + share, 0);
  for (const item of items) {
    left -= item.share;
    if (left < 0) return item;
  }
  return items.at(-1) as Item;
}
