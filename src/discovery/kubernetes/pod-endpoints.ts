import { type EndpointSpec, formatAddress } from "../../datastore/endpoint.ts";
import type { PoolSelection } from "./inference-pool.ts";
import { matchesSelector, type Pod } from "./pod.ts";

/** Why a pod is not able to serve for a pool. */
export type Ineligibility = "labels" | "not-ready" | "no-address";

/** Why a pod cannot be a member; undefined: it is ready, with an address, its labels as the selector asks (protocol 4.5). */
export function ineligibilityOf(pod: Pod, { selector }: PoolSelection): Ineligibility | undefined {
  if (!matchesSelector(pod.labels, selector)) return "labels";
  if (!pod.isReady) return "not-ready";
  return pod.ip === undefined ? "no-address" : undefined;
}

/**
 * The endpoints of an eligible pod: one for each port of the pool that the pod serves, `<pod>-rank-<i>` for the port in place
 * `i` (protocol 2, 4.1). A pod that is replaced or gets another address has other incarnations. None without an address.
 */
export function endpointsOf(pod: Pod, { targetPorts }: PoolSelection): readonly EndpointSpec[] {
  const { uid, namespace, ip: host, labels, activePorts } = pod;
  if (host === undefined) return [];
  return targetPorts.flatMap((port, rank) => {
    if (activePorts?.includes(port) === false) return [];
    const name = `${pod.name}-rank-${rank}`;
    const address = formatAddress(host, port);
    return [
      { id: `${namespace}/${name}`, incarnation: `${uid}@${address}`, name, namespace, host, port, address, labels },
    ];
  });
}
