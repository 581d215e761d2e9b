import { createRandom, type Random } from "../../src/lib/random.ts";

/** What chance decides in a load; each has a stream of its own, so that a change of one leaves the others as they are. */
export type LoadConcern = "arrivals" | "lengths" | "prefixes" | "adapters" | "thinking";

/** The stream of one concern of a load. */
export function loadStream(seed: number, concern: LoadConcern): Random {
  let salt = 0x811c9dc5;
  for (let i = 0; i < concern.length; i++) salt = Math.imul(salt ^ concern.charCodeAt(i), 0x01000193);
  return createRandom((seed >>> 0) ^ (salt >>> 0));
}
