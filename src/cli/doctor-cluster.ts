import { connectApiServer } from "../discovery/kubernetes/api-client.ts";
import { podRefusals } from "../discovery/kubernetes/pod-refusal.ts";
import { ReflectorFault } from "../discovery/kubernetes/reflector-fault.ts";
import { type ClusterFacts, examineCluster } from "../doctor/examine-cluster.ts";
import { systemClock } from "../lib/clock.ts";
import type { PoolFlags, PoolLocation } from "./pool-flags.ts";

/** Flags about a pool in a cluster, as commander gives them. */
export interface ClusterFlags extends PoolFlags {
  haEnableLeaderElection: boolean;
  metricsEndpointAuth: boolean;
}

/**
 * Asks the API server that `epp serve` would follow, with the same credentials. Throws an error of one line when there is no
 * way to it, it does not answer, or it refuses the credentials.
 */
export async function askCluster(
  { namespace, poolName, selection }: Extract<PoolLocation, { kind: "cluster" }>,
  flags: ClusterFlags,
): Promise<ClusterFacts> {
  const api = await connectApiServer({ env: process.env, clock: systemClock });
  try {
    return await examineCluster({
      api,
      namespace,
      poolName,
      source:
        selection === undefined
          ? { kind: "object", group: flags.poolGroup, name: poolName }
          : { kind: "given", pool: { ...selection, appProtocol: undefined } },
      hasElection: flags.haEnableLeaderElection,
      hasReaders: flags.metricsEndpointAuth,
      maxPods: flags.poolMaxPods,
      refusalOf: podRefusals(flags, api),
    });
  } catch (error) {
    if (!(error instanceof ReflectorFault)) throw error;
    throw new Error(`Cannot ask the API server ${api.url}: ${error.message}`, { cause: error });
  } finally {
    api.close();
  }
}
