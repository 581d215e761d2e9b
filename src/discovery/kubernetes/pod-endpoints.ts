import { type EndpointSpec, formatAddress } from "../../datastore/endpoint.ts";
import type { PoolSelection } from "./inference-pool.ts";
import { matchesSelector, type Pod } from "./pod.ts";

/** Whether a pod belongs to the pool and is able to serve: ready, with an address, labels as the selector asks (protocol 4.5). */
export function isEligible(pod: Pod, { selector }: PoolSelection): boolean {
  return pod.isReady && pod.ip !== undefined && matchesSelector(pod.labels, selector);
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
