import type { Random } from "../../src/lib/random.ts";
import type { VirtualRouter } from "./virtual-pool.ts";

/** Each server in turn, as Envoy's ROUND_ROBIN with one worker. */
export function roundRobin(servers: number): VirtualRouter {
  let next = 0;
  return { route: () => next++ % servers };
}

/** Of two servers drawn at random the one with fewer requests open, as Envoy's LEAST_REQUEST with its default of two choices. */
export function leastRequest(servers: number, random: Random): VirtualRouter {
  const open = new Array<number>(servers).fill(0);
  const draw = (): number => Math.floor(random() * servers);
  return {
    route: () => {
      const [first, second] = [draw(), draw()];
      const chosen = (open[second] ?? 0) < (open[first] ?? 0) ? second : first;
      open[chosen] = (open[chosen] ?? 0) + 1;
      return chosen;
    },
    finished: (_request, server) => {
      open[server] = (open[server] ?? 0) - 1;
    },
  };
}
