/**
 * What the demo emulates, the same for every arm: servers with an 8B model on an L4 GPU each (the cheapest common one), the
 * batch limited to 16 requests to keep the time between tokens below 100 ms, 4 adapter slots; and a load of 78 % of
 * what they can do under round robin.
 */
import { generateLoad, type LoadName, mixedLoad } from "../load/generate.ts";
import type { LoadRequest } from "../load/load-request.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import { presetConfig } from "../replica/presets.ts";
import { poolCapacity } from "./capacity.ts";
import { toPoolRequest } from "./pool-request.ts";

/** Offered load over capacity. */
const offeredShare = 0.78;

/** Number of servers when none is given. */
export const defaultServers = 12;

/** Base model and adapters of the emulated servers. */
export const demoModels = {
  base: "llama-3-8b",
  adapters: Array.from({ length: mixedLoad.adapters }, (_, i) => `adapter-${i + 1}`),
} as const;

/** The emulated servers. */
export const demoReplica: ReplicaConfig = presetConfig("llama-3-8b-l4", { maxSeqs: 16, maxModelTokens: 8192 });

/** What the user chooses. */
export interface ScenarioOptions {
  readonly load: LoadName;
  readonly seed: number;
  readonly servers: number;
  /** Length of the load of each arm. */
  readonly seconds: number;
}

/** A load and how heavy it is. */
export interface Scenario {
  /** Requests per second that the pool completes when saturated. */
  readonly capacity: number;
  /** Requests per second of the load. */
  readonly offered: number;
  readonly load: readonly LoadRequest[];
}

/** Computes the pool's capacity for this kind of load, then makes the load. */
export function createScenario({ load: name, seed, servers, seconds }: ScenarioOptions): Scenario {
  const base = { name, seed, model: demoModels.base };
  // Lengths and sharing decide the capacity; the rate only the order of turns, so a rough one serves.
  const sample = generateLoad({ ...base, seconds: 30, ratePerSecond: 6 * servers });
  const capacity = poolCapacity(
    sample.map((request) => toPoolRequest(request, demoReplica)),
    demoReplica,
    servers,
  );
  const load = generateLoad({ ...base, seconds, ratePerSecond: capacity * offeredShare });
  return { capacity, offered: load.length / seconds, load };
}
