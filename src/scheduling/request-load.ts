import type { Endpoint } from "../datastore/endpoint.ts";
import type { RequestLoad } from "../datastore/in-flight-ledger.ts";
import type { Cycle } from "./plugin.ts";
import { PrefixMatch } from "./prefix/prefix-match.ts";

/**
 * What a request will cost `endpoint`: the tokens of its prompt less those that the best-informed prefix producer takes to be
 * cached there, and the tokens of its answer. Read before the producers learn of the dispatch, else the request finds itself.
 */
export function loadOf({ request, tokens, produced }: Cycle, endpoint: Endpoint): RequestLoad {
  let cachedShare = 0;
  for (const data of produced.values()) {
    if (!(data instanceof PrefixMatch) || data.totalBlocks === 0) continue;
    cachedShare = Math.max(cachedShare, data.matchedBlocks(endpoint) / data.totalBlocks);
  }
  return {
    uncachedTokens: Math.round(tokens.inputTokens * (1 - cachedShare)),
    outputTokens: tokens.outputTokens ?? 0,
    model: request.targetModel,
  };
}
