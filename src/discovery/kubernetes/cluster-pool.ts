import type { Follow } from "./follow.ts";
import {
  formatSelector,
  type InferencePool,
  isSameSelector,
  type PoolProtocol,
  readInferencePool,
} from "./inference-pool.ts";
import { textAt } from "./json-fields.ts";
import type { PodMembership } from "./pod-membership.ts";
import { type Pod, readPod } from "./pod.ts";

/** Where a pool's selector and ports come from: an InferencePool, or the command line. */
export type PoolSource =
  | { readonly kind: "object"; readonly group: string; readonly name: string }
  | { readonly kind: "given"; readonly pool: InferencePool };

/** What is known of the pool. */
export interface PoolState {
  /** There is a pool, and its pods are known, none included. */
  readonly isSynced: boolean;
  readonly appProtocol: PoolProtocol;
}

/** Told of what happens to the pool. */
export interface PoolObserver {
  /** After every change; the store is up to date. */
  changed(state: PoolState): void;
  /** The pool has no object of its name, or it is being deleted: there are no endpoints. Not told again until it was there. */
  missing(): void;
  /** The object cannot be used, the last good one stays; once for each content. `problem` is one line. */
  invalid(problem: string): void;
  /** A pool is in force. */
  selected(pool: InferencePool): void;
}

/** What following a pool needs. */
export interface ClusterPoolOptions {
  readonly namespace: string;
  readonly source: PoolSource;
  readonly membership: PodMembership;
  readonly follow: Follow;
  readonly observer: PoolObserver;
}

/** Pods that are followed for a pool. */
interface FollowedPods {
  pool: InferencePool;
  close: () => void;
}

/** The version of InferencePool (protocol 4.1). */
export const poolVersion = "v1";

/**
 * Follows a pool and the pods that it selects (protocol 4.5). Another selector is followed beside the present one until all
 * its pods are known; then everything changes in one step (reliability F28). A pool that is deleted or being deleted empties the
 * store; one that is not usable leaves everything as it was.
 */
export class ClusterPool {
  readonly #options: ClusterPoolOptions;
  #closePool: () => void = () => {};
  /** What the store shows. */
  #inForce: FollowedPods | undefined;
  /** What it will show once its pods are known. */
  #coming: FollowedPods | undefined;
  #toldProblem: string | undefined;
  #isMissingTold = false;

  constructor(options: ClusterPoolOptions) {
    this.#options = options;
  }

  /** Begins to follow. */
  start(): void {
    const { source, namespace, follow } = this.#options;
    if (source.kind === "given") return this.#select(source.pool);
    const { group, name } = source;
    const isNamed = (raw: unknown): boolean => textAt(raw, "metadata", "name") === name;
    const { close } = follow<unknown>({
      kind: `inferencepools.${group}`,
      path: `/apis/${group}/${poolVersion}/namespaces/${namespace}/inferencepools`,
      selectors: { fieldSelector: `metadata.name=${name}` },
      project: keepPool,
      sink: {
        reset: (pools) => this.#take(pools.find(isNamed)),
        upsert: (pool) => {
          if (isNamed(pool)) this.#take(pool);
        },
        remove: (pool) => {
          if (isNamed(pool)) this.#take(undefined);
        },
      },
    });
    this.#closePool = close;
  }

  /** Ends everything; the store keeps what it has. */
  close(): void {
    this.#closePool();
    this.#inForce?.close();
    this.#coming?.close();
  }

  /** The InferencePool as the API server has it; undefined: it has none of the name. */
  #take(raw: unknown): void {
    const read = raw === undefined ? { kind: "terminating" as const } : readInferencePool(raw);
    if (read.kind === "invalid") {
      if (read.problem !== this.#toldProblem) this.#options.observer.invalid(read.problem);
      this.#toldProblem = read.problem;
      return;
    }
    this.#toldProblem = undefined;
    if (read.kind === "terminating") this.#clear();
    else this.#select(read.pool);
  }

  #select(pool: InferencePool): void {
    const { membership } = this.#options;
    this.#isMissingTold = false;
    if (this.#inForce !== undefined && isSameSelector(this.#inForce.pool.selector, pool.selector)) {
      this.#coming?.close();
      this.#coming = undefined;
      if (isSamePool(this.#inForce.pool, pool)) return;
      this.#inForce.pool = pool;
      membership.setPool(pool);
      this.#tellSelected(pool);
    } else if (this.#coming !== undefined && isSameSelector(this.#coming.pool.selector, pool.selector)) {
      this.#coming.pool = pool;
    } else {
      this.#coming?.close();
      this.#coming = this.#followPods(pool);
    }
  }

  #followPods(pool: InferencePool): FollowedPods {
    const { namespace, membership, follow } = this.#options;
    const followed: FollowedPods = { pool, close: () => {} };
    const { close } = follow<Pod>({
      kind: "pods",
      path: `/api/v1/namespaces/${namespace}/pods`,
      selectors: { labelSelector: formatSelector(pool.selector) },
      project: keepPod,
      sink: {
        reset: (pods) => {
          if (this.#inForce === followed) membership.reset(pods);
          else this.#putInForce(followed, pods);
        },
        upsert: (pod) => membership.upsert(pod),
        remove: (pod) => membership.remove(pod),
      },
    });
    followed.close = close;
    return followed;
  }

  #putInForce(followed: FollowedPods, pods: readonly Pod[]): void {
    this.#inForce?.close();
    this.#inForce = followed;
    this.#coming = undefined;
    this.#options.membership.replace(followed.pool, pods);
    this.#tellSelected(followed.pool);
  }

  #clear(): void {
    const { membership, observer } = this.#options;
    this.#inForce?.close();
    this.#coming?.close();
    this.#inForce = undefined;
    this.#coming = undefined;
    membership.replace(undefined, []);
    observer.changed({ isSynced: false, appProtocol: undefined });
    if (!this.#isMissingTold) observer.missing();
    this.#isMissingTold = true;
  }

  #tellSelected(pool: InferencePool): void {
    this.#options.observer.selected(pool);
    this.#options.observer.changed({ isSynced: true, appProtocol: pool.appProtocol });
  }
}

/** Keeps what `readInferencePool` looks at. */
function keepPool(raw: unknown): unknown {
  const { metadata, spec } = raw as { readonly metadata?: unknown; readonly spec?: unknown };
  const [name, deletionTimestamp] = [textAt(metadata, "name"), textAt(metadata, "deletionTimestamp")];
  return { metadata: { name, deletionTimestamp }, spec };
}

function keepPod(raw: unknown): Pod {
  const pod = readPod(raw);
  if (pod === undefined) throw new Error("a pod without name, namespace or uid");
  return pod;
}

function isSamePool(a: InferencePool, b: InferencePool): boolean {
  return a.appProtocol === b.appProtocol && a.targetPorts.join() === b.targetPorts.join();
}
