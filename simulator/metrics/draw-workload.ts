import type { Random } from "../../src/lib/random.ts";
import type { RequestTable } from "../engine/request-table.ts";
import { createSampler } from "../generators/distributions.ts";
import { loadStream } from "../generators/streams.ts";
import { generatedBlockTokens, TokenChain } from "../generators/token-chain.ts";
import { RequestTableBuilder } from "../traces/request-table-builder.ts";
import { type OfferedLoad, offeredLoad, type RecordedLengths } from "./offered-load.ts";
import type { EndpointSeries } from "./recorded-metrics.ts";

/** What a drawn load is told beyond the record. */
export interface DrawOptions {
  /** Model asked for; default "model". */
  readonly model?: string;
  /** Most tokens of prompt and answer together; default 131,072. Longer ones are cut. */
  readonly maxTokens?: number;
}

/** Groups of prompts with a common prefix: metrics do not say how many, so each draw has another number of them. */
const fewestGroups = 8;
const mostGroups = 128;

/**
 * Draws a load that agrees with what a pool recorded: as many arrivals in each interval as the totals and queues say, anywhere in
 * it; lengths from the recorded histograms, or about the means, summing to the recorded tokens; prompts in groups that
 * share a prefix, so long that a cache without a limit would reach the recorded hit ratio; adapters by how often they were shown.
 *
 * What metrics do not say is drawn anew by each seed, so results belong to many seeds: which lengths go together, the tree of
 * prefixes, sessions, bursts below the interval. Throws an error when the record shows no requests or no lengths.
 */
export function drawWorkload(
  endpoints: readonly EndpointSeries[],
  seed: number,
  options: DrawOptions = {},
): RequestTable {
  const { model = "model", maxTokens = 131_072 } = options;
  const offered = offeredLoad(endpoints);
  const requests = new RequestTableBuilder(generatedBlockTokens, model);
  const arrivalsMs = drawArrivals(offered, loadStream(seed, "arrivals"));
  const lengths = loadStream(seed, "lengths");
  const prompts = drawLengths(arrivalsMs.length, offered.prompts, maxTokens - 1, lengths);
  const outputs = drawLengths(arrivalsMs.length, offered.outputs, maxTokens, lengths);
  const adapters = loadStream(seed, "adapters");
  const prefixes = new PrefixGroups(requests, prompts, offered.hitRatio, loadStream(seed, "prefixes"));
  for (const [i, arrivalMs] of arrivalsMs.entries()) {
    const promptTokens = prompts[i] as number;
    const outputTokens = Math.min(outputs[i] as number, maxTokens - promptTokens);
    const adapter = drawAdapter(offered, adapters);
    requests.add({ arrivalMs, promptTokens, outputTokens, ...(adapter === undefined ? {} : { adapter }) });
    requests.addBlockIds(prefixes.sharedBlocks(i));
  }
  return requests.build();
}

/** Given their number in an interval, arrivals of a Poisson process are anywhere in it. */
function drawArrivals({ intervals, startMs }: OfferedLoad, random: Random): Float64Array {
  const times: number[] = [];
  let carried = 0;
  for (const { fromMs, toMs, arrivals } of intervals) {
    const wanted = arrivals + carried;
    const count = Math.max(0, Math.round(wanted));
    carried = wanted - count;
    for (let i = 0; i < count; i++) times.push(fromMs - startMs + random() * (toMs - fromMs));
  }
  return Float64Array.from(times).sort();
}

/** Tokens of each request, scaled so that their mean is the recorded one. */
function drawLengths(count: number, recorded: RecordedLengths, most: number, random: Random): Uint32Array {
  const sampler = createSampler(recorded.distribution);
  const drawn = Float64Array.from({ length: count }, () => Math.max(1e-3, sampler(random)));
  const scale = (recorded.mean * count) / drawn.reduce((sum, tokens) => sum + tokens, 0);
  let carried = 0;
  return Uint32Array.from(drawn, (tokens) => {
    const wanted = tokens * scale + carried;
    const whole = Math.min(most, Math.max(1, Math.round(wanted)));
    carried = Math.min(1, Math.max(-1, wanted - whole));
    return whole;
  });
}

function drawAdapter({ adapterShares, baseShare }: OfferedLoad, random: Random): string | undefined {
  if (adapterShares.length === 0) return undefined;
  let left = random() - baseShare;
  if (left < 0) return undefined;
  for (const { name, share } of adapterShares) {
    left -= share;
    if (left < 0) return name;
  }
  return adapterShares.at(-1)?.name;
}

class PrefixGroups {
  readonly #groups: Uint16Array;
  readonly #prefixes: readonly TokenChain[];
  readonly #fullBlocks: Uint32Array;

  constructor(requests: RequestTableBuilder, prompts: Uint32Array, hitRatio: number, random: Random) {
    const groups = Math.round(fewestGroups * (mostGroups / fewestGroups) ** random());
    this.#groups = Uint16Array.from(prompts, () => Math.floor(random() * groups));
    // The last token of a prompt is always computed.
    this.#fullBlocks = prompts.map((tokens) => Math.floor((tokens - 1) / generatedBlockTokens));
    const blocks = this.#prefixBlocks(groups, prompts, hitRatio);
    this.#prefixes = Array.from({ length: blocks === 0 ? 0 : groups }, () =>
      TokenChain.empty().append(requests, blocks * generatedBlockTokens),
    );
  }

  /** Ids of the blocks that a request shares with its group. */
  sharedBlocks(request: number): readonly number[] {
    const prefix = this.#prefixes[this.#groups[request] as number];
    return prefix === undefined ? [] : prefix.ids.slice(0, this.#fullBlocks[request]);
  }

  /** The least length of prefixes with which a cache without a limit has the hit ratio. */
  #prefixBlocks(groups: number, prompts: Uint32Array, hitRatio: number): number {
    const tokens = prompts.reduce((sum, prompt) => sum + prompt, 0);
    const wanted = (hitRatio * tokens) / generatedBlockTokens;
    let [low, high] = [0, this.#fullBlocks.reduce((most, blocks) => Math.max(most, blocks), 0)];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#hits(groups, middle) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Blocks found in a cache without a limit when prefixes have `blocks` blocks. */
  #hits(groups: number, blocks: number): number {
    const cached = new Uint32Array(groups);
    let hits = 0;
    for (const [request, group] of this.#groups.entries()) {
      const own = Math.min(blocks, this.#fullBlocks[request] as number);
      hits += Math.min(own, cached[group] as number);
      cached[group] = Math.max(own, cached[group] as number);
    }
    return hits;
  }
}
