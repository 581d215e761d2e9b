import type { Endpoint } from "../../datastore/endpoint.ts";
import { defaultBytesPerToken } from "../../datastore/token-estimator.ts";
import { z } from "../../lib/schema.ts";
import { InFlightCounts, InFlightLoad } from "../in-flight-load.ts";
import { type Cycle, definePlugin, type Follower, type PluginEnvironment, type Producer } from "../plugin.ts";
import { PrefixMatch } from "../prefix/prefix-match.ts";

const prefixProducerType = "approx-prefix-cache-producer";

const parameters = z.strictObject({
  addEstimatedOutputTokens: z.boolean().default(false),
  outputRatio: z.number().min(0).max(1000).default(1.5),
  maxEstimatedOutputTokens: z.int().min(0).optional(),
  prefixMatchInfoProducerName: z.string().min(1).optional(),
  syncCrossReplicaState: z.boolean().default(true),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Counts requests and prompt tokens that this picker has under way at each endpoint (protocol 6.7, 10.2). A request costs its
 * input tokens; where a prefix-cache producer runs, whole uncached blocks and what lies beyond the blocks it looks at. The
 * tokens are released at the first byte of the response, with `addEstimatedOutputTokens` all of them at its end. Produces an
 * InFlightLoad.
 */
export const inflightLoadProducer = definePlugin<Parameters>({
  type: "inflight-load-producer",
  summary: "Counts the requests and tokens that this picker has under way at each endpoint.",
  parameters,
  requires: [{ type: prefixProducerType, parameter: "prefixMatchInfoProducerName", isOptional: true }],
  roles: ["producer"],
  create: (given, environment) => ({ producer: new InflightLoadProducer(given, environment) }),
});

class InflightLoadProducer implements Producer {
  readonly #parameters: Parameters;
  readonly #name: string;
  readonly #prefixProducer: string | undefined;
  #counts = new InFlightCounts();

  constructor(given: Parameters, environment: PluginEnvironment) {
    this.#parameters = given;
    this.#name = environment.name;
    this.#prefixProducer = environment.available(prefixProducerType);
  }

  produce(cycle: Cycle): InFlightLoad {
    const match = this.#prefixProducer === undefined ? undefined : cycle.produced.get(this.#prefixProducer);
    const outputTokens = this.#outputTokens(cycle);
    return new InFlightLoad(
      this.#counts,
      match instanceof PrefixMatch
        ? (endpoint) => uncachedTokens(cycle, match, endpoint) + outputTokens
        : () => cycle.tokens.inputTokens + outputTokens,
    );
  }

  dispatched(cycle: Cycle, picked: Endpoint): Follower | undefined {
    const load = cycle.produced.get(this.#name);
    if (!(load instanceof InFlightLoad)) return undefined;
    return this.#counts.hold(picked, load.addedTokens(picked), this.#parameters.addEstimatedOutputTokens);
  }

  /** Both count in one place from here on: what the predecessor's followers release is released here. */
  adopt(predecessor: Producer): void {
    if (predecessor instanceof InflightLoadProducer) this.#counts = predecessor.#counts;
  }

  /** Estimated tokens of the answer, by the whole input, cached or not. */
  #outputTokens({ tokens, request }: Cycle): number {
    const { addEstimatedOutputTokens, outputRatio, maxEstimatedOutputTokens } = this.#parameters;
    if (!addEstimatedOutputTokens) return 0;
    const bounds = [request.maxOutputTokens, maxEstimatedOutputTokens].filter((bound) => bound !== undefined);
    return Math.max(0, Math.min(Math.round(tokens.inputTokens * outputRatio), ...bounds));
  }
}

/**
 * Tokens of the prompt that `endpoint` has to compute. Blocks are cut at 4 bytes a token; where the model's tokens are known
 * to be of another length they are taken to hold as many more or fewer.
 */
function uncachedTokens({ tokens, request }: Cycle, match: PrefixMatch, endpoint: Endpoint): number {
  const atDefault = Math.ceil(request.promptBytes / defaultBytesPerToken);
  const scale = atDefault === 0 ? 1 : tokens.inputTokens / atDefault;
  const blockTokens = match.blockSizeTokens * scale;
  const uncached = (match.totalBlocks - match.matchedBlocks(endpoint)) * blockTokens;
  const beyond = Math.max(0, tokens.inputTokens - match.totalBlocks * blockTokens);
  return Math.round(uncached + beyond);
}
