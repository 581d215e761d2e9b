import type { Endpoint, EndpointId } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { cautionDefault } from "../parameters.ts";
import {
  type Cycle,
  definePlugin,
  type PluginEnvironment,
  type Producer,
  type Ratings,
  type Scorer,
} from "../plugin.ts";
import { PrefixMatch } from "../prefix/prefix-match.ts";

const prefixProducerType = "approx-prefix-cache-producer";
const defaultSize = 1024;
const warmScore = 0.5;

const parameters = z.strictObject({
  lruSize: z.int().max(1_000_000).default(defaultSize),
  prefixMatchInfoProducerName: z.string().min(1).optional(),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Spreads requests that no candidate has any cached beginning of: max(0, 1 - rank / (n - 1)) over the n candidates, ranked
 * from 0: first those that had no such request yet, in the order of the pool, then by when they had their last, oldest first
 * (protocol 6.4, 10.8). Every candidate scores 0.5 for a request that one of them has a beginning of. Raw: the rank.
 */
export const noHitLruScorer = definePlugin<Parameters>({
  type: "no-hit-lru-scorer",
  summary: "Sends requests that no prefix cache can help to the endpoint that had such a request longest ago.",
  parameters,
  requires: [{ type: prefixProducerType, parameter: "prefixMatchInfoProducerName" }],
  roles: ["scorer", "producer"],
  create: (given, environment) => {
    const plugin = new NoHitLru(given, environment);
    return { scorer: plugin, producer: plugin };
  },
  caution: ({ lruSize }) => cautionDefault("lruSize", lruSize, defaultSize),
});

/** What scoring found out about a request, for its dispatch. */
interface Temperature {
  isCold: boolean;
}

interface LastUse {
  readonly incarnation: string;
  /** Greater is later. */
  readonly sequence: number;
}

class NoHitLru implements Scorer, Producer {
  readonly #name: string;
  readonly #prefixProducer: string;
  readonly #size: number;
  /** Endpoints by their last cold request, oldest first. */
  readonly #lastUses = new Map<EndpointId, LastUse>();
  #sequence = 0;
  /** Sequences of the candidates that are in `#lastUses`, ascending; kept between decisions. */
  #used = new Float64Array(0);

  constructor({ lruSize }: Parameters, environment: PluginEnvironment) {
    this.#name = environment.name;
    this.#prefixProducer = environment.required(prefixProducerType);
    this.#size = lruSize > 0 ? lruSize : defaultSize;
  }

  produce(): Temperature {
    return { isCold: false };
  }

  score({ produced }: Cycle, candidates: readonly Endpoint[], { raw, score }: Ratings): void {
    const temperature = produced.get(this.#name) as Temperature | undefined;
    const match = produced.get(this.#prefixProducer);
    if (match instanceof PrefixMatch && candidates.some((candidate) => match.matchedBlocks(candidate) > 0)) {
      score.fill(warmScore, 0, candidates.length);
      return;
    }
    if (temperature !== undefined) temperature.isCold = true;
    this.#rank(candidates, raw);
    const last = Math.max(1, candidates.length - 1);
    for (let i = 0; i < candidates.length; i++) score[i] = 1 - (raw[i] as number) / last;
  }

  dispatched({ produced }: Cycle, { id, incarnation }: Endpoint): undefined {
    const temperature = produced.get(this.#name) as Temperature | undefined;
    if (temperature?.isCold !== true) return;
    this.#lastUses.delete(id);
    this.#lastUses.set(id, { incarnation, sequence: this.#sequence++ });
    this.#trim();
  }

  forget(id: EndpointId): void {
    this.#lastUses.delete(id);
  }

  adopt(predecessor: Producer): void {
    if (!(predecessor instanceof NoHitLru)) return;
    for (const [id, lastUse] of predecessor.#lastUses) this.#lastUses.set(id, lastUse);
    this.#sequence = predecessor.#sequence;
    this.#trim();
  }

  /** Writes ranks from 0 to `ranks`, all different. */
  #rank(candidates: readonly Endpoint[], ranks: Float64Array): void {
    if (this.#used.length < candidates.length) this.#used = new Float64Array(candidates.length);
    let unused = 0;
    let count = 0;
    for (let i = 0; i < candidates.length; i++) {
      const sequence = this.#sequenceOf(candidates[i] as Endpoint);
      if (sequence === undefined) ranks[i] = unused++;
      else this.#used[count++] = sequence;
    }
    if (count === 0) return;
    const used = this.#used.subarray(0, count).sort();
    for (let i = 0; i < candidates.length; i++) {
      const sequence = this.#sequenceOf(candidates[i] as Endpoint);
      if (sequence !== undefined) ranks[i] = unused + indexOf(used, sequence);
    }
  }

  #sequenceOf({ id, incarnation }: Endpoint): number | undefined {
    const lastUse = this.#lastUses.get(id);
    return lastUse?.incarnation === incarnation ? lastUse.sequence : undefined;
  }

  #trim(): void {
    for (const id of this.#lastUses.keys()) {
      if (this.#lastUses.size <= this.#size) return;
      this.#lastUses.delete(id);
    }
  }
}

/** Where `value` stands in an ascending array that holds it. */
function indexOf(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
