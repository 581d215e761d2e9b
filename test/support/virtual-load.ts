import { poolCapacity } from "../../simulator/demo/capacity.ts";
import { PickerRouter, type PickerRouterOptions } from "../../simulator/demo/picker-router.ts";
import { toPoolRequest } from "../../simulator/demo/pool-request.ts";
import { demoModels, demoReplica } from "../../simulator/demo/scenario.ts";
import { percentiles } from "../../simulator/demo/statistics.ts";
import { runVirtualPool, type VirtualRouter } from "../../simulator/demo/virtual-pool.ts";
import { generateLoad, type LoadName } from "../../simulator/load/generate.ts";
import { createRandom, type Random } from "../../src/lib/random.ts";
import { aPlan } from "./a-plan.ts";

/** A load over emulated servers in virtual time. */
export interface VirtualLoad {
  readonly load: LoadName;
  readonly seed: number;
  readonly seconds: number;
  /** Offered over what the pool can do. */
  readonly utilisation: number;
  /** Default 50. */
  readonly scrapeMs?: number;
}

/** How a router did with a load. */
export interface VirtualOutcome {
  readonly ttftP99Ms: number;
  /** Requests of `server` among those that arrived from one time to another, over a fair share of them. */
  shareOf(server: number, fromMs: number, toMs: number): number;
}

/** Servers of every virtual pool. */
export const virtualServers = 8;

/** Makes a load once, to run several routers on. */
export function prepareLoad({ load: name, seed, seconds, utilisation, scrapeMs = 50 }: VirtualLoad): {
  readonly run: (router: VirtualRouter) => VirtualOutcome;
  readonly picker: (options?: Partial<PickerRouterOptions>) => PickerRouter;
} {
  const base = { name, seed, model: demoModels.base };
  const sample = generateLoad({ ...base, seconds: 30, ratePerSecond: 6 * virtualServers });
  const capacity = poolCapacity(
    sample.map((request) => toPoolRequest(request, demoReplica)),
    demoReplica,
    virtualServers,
  );
  const load = generateLoad({ ...base, seconds, ratePerSecond: capacity * utilisation });
  const requests = load.map((request) => toPoolRequest(request, demoReplica));
  const arrivalOf = (i: number): number => requests[i]?.arrivalMs ?? Number.NaN;
  const run = (router: VirtualRouter): VirtualOutcome => {
    const pool = { config: demoReplica, servers: virtualServers, scrapeMs };
    const { served } = runVirtualPool(requests, pool, router);
    return {
      ttftP99Ms: percentiles(served.map(({ firstTokenMs }, i) => firstTokenMs - arrivalOf(i))).p99,
      shareOf: (server, fromMs, toMs) => {
        const within = served.filter((_, i) => arrivalOf(i) >= fromMs && arrivalOf(i) < toMs);
        return within.filter((one) => one.server === server).length / (within.length / virtualServers);
      },
    };
  };
  const picker = (options: Partial<PickerRouterOptions> = {}): PickerRouter =>
    new PickerRouter({
      plan: aPlan(),
      random: createRandom(seed),
      servers: virtualServers,
      config: demoReplica,
      load,
      ...options,
    });
  return { run, picker };
}

/** Each request to the server with the fewest own requests open, at random among equals. */
export function leastInFlight(random: Random): VirtualRouter {
  const open = new Array<number>(virtualServers).fill(0);
  const add = (server: number, by: number): void => {
    open[server] = (open[server] ?? 0) + by;
  };
  return {
    route: () => {
      const least = Math.min(...open);
      const equals = open.flatMap((count, server) => (count === least ? [server] : []));
      const chosen = equals[Math.floor(random() * equals.length)] ?? 0;
      add(chosen, 1);
      return chosen;
    },
    finished: (_request, server) => add(server, -1),
  };
}
