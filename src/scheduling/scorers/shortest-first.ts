import type { Endpoint } from "../../datastore/endpoint.ts";
import { ratedValue, type Signal } from "../../datastore/signal.ts";
import type { Ratings } from "../plugin.ts";
import { knownCount } from "./known-count.ts";

/**
 * Rates by a count: 1 for the smallest among the candidates, 0 for the greatest, linear between; all equal: 1. Counts that
 * are unknown, negative or not finite are not rated.
 */
export function rateShortestFirst(
  candidates: readonly Endpoint[],
  { raw, score }: Ratings,
  read: (endpoint: Endpoint) => Signal,
): void {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < candidates.length; i++) {
    const value = knownCount(ratedValue(read(candidates[i] as Endpoint)));
    raw[i] = value;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const spread = most - least;
  for (let i = 0; i < candidates.length; i++) {
    const value = raw[i] as number;
    score[i] = spread === 0 && value === most ? 1 : (most - value) / spread;
  }
}
