import type { ReplicaLoad } from "./load.ts";
import type { VirtualReplica } from "./virtual-replica.ts";

/**
 * What stands for a replica once it has died at `nowMs`: nothing is under way there, and its totals stay. To be made before its
 * requests are cancelled.
 */
export function stopReplica(replica: VirtualReplica, nowMs: number): VirtualReplica {
  const load: ReplicaLoad = {
    ...replica.loadAt(nowMs),
    waiting: 0,
    running: 0,
    kvCacheRatio: 0,
    runningAdapters: [],
    waitingAdapters: [],
  };
  return {
    submit: ({ id }) => {
      throw new RangeError(`Cannot submit request "${id}": the replica has died`);
    },
    cancel: () => false,
    nextEventMs: () => Number.POSITIVE_INFINITY,
    advance: () => {},
    loadAt: () => load,
    busyMs: replica.busyMs,
  };
}
