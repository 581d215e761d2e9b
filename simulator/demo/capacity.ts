import type { ReplicaConfig } from "../replica/config.ts";
import { roundRobin } from "./balancers.ts";
import { type PoolRequest, runVirtualPool } from "./virtual-pool.ts";

/**
 * Requests per second that a pool completes under round robin when it never runs out of work: the same replicas in
 * virtual time, with every request there from the start. Counted from the first tenth to the last fifth of the completions,
 * so that neither the cold start nor the emptying pool takes part. At least 10 requests a server.
 */
export function poolCapacity(requests: readonly PoolRequest[], config: ReplicaConfig, servers: number): number {
  if (requests.length < servers * 10) {
    throw new RangeError(
      `Cannot compute the capacity of ${servers} servers: ${requests.length} requests, expected at least ${servers * 10}`,
    );
  }
  const waiting = requests.map((request) => ({ ...request, arrivalMs: 0 }));
  const { served } = runVirtualPool(waiting, { config, servers }, roundRobin(servers));
  const ends = served.map(({ lastTokenMs }) => lastTokenMs).sort((a, b) => a - b);
  const first = Math.floor(ends.length * 0.1);
  const last = Math.floor(ends.length * 0.8);
  return ((last - first) * 1000) / ((ends[last] ?? 0) - (ends[first] ?? 0));
}
