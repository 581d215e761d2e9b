import { type AdapterState, type EndpointSpec, formatAddress } from "../../src/datastore/endpoint.ts";
import type { ReplicaLoad } from "../replica/load.ts";

/** What a picker is told of the replica of that index, which has no address of its own; `number`: of its incarnation. */
export function replicaSpec(index: number, number = 0): EndpointSpec {
  const [name, host, port] = [`server-${index}`, "127.0.0.1", 8000 + index];
  const address = formatAddress(host, port);
  const incarnation = number === 0 ? address : `${address}#${number}`;
  return { id: `default/${name}`, incarnation, name, namespace: "default", host, port, address, labels: {} };
}

/** The adapters that its page shows; absent until one is loaded, as the family is on vLLM's page. */
export function shownAdapters(load: ReplicaLoad, maxAdapters: number): AdapterState | undefined {
  if (load.adapterLoads === 0) return undefined;
  return { running: new Set(load.runningAdapters), waiting: new Set(load.waitingAdapters), maxAdapters };
}
