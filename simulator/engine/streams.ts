import { mix32 } from "../../src/lib/mix32.ts";
import { createKeyedRandom, type KeyedRandom } from "../../src/lib/random.ts";

/** What chance decides in a run; each has a stream of its own, so that no draw of one shifts another (simulator 3.3). */
export type Concern = "picker-of-request" | "scrape-phase" | "scrape-delay" | "scrape-loss" | "policy" | "hash-key";

/** The seed of one concern of a run. */
export function seedOf(seed: number, concern: Concern): number {
  let state = mix32(seed);
  for (let i = 0; i < concern.length; i++) state = mix32(state ^ concern.charCodeAt(i));
  return state;
}

/** The streams of one concern of a run, by key. */
export function streamsOf(seed: number, concern: Concern): KeyedRandom {
  return createKeyedRandom(seedOf(seed, concern));
}
