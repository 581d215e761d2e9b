import type { EndpointSpec } from "../datastore/endpoint.ts";
import type { ClusterObjectsOptions } from "../discovery/kubernetes/cluster-objects.ts";
import type { PoolObserver, PoolState } from "../discovery/kubernetes/cluster-pool.ts";
import type { InferencePool } from "../discovery/kubernetes/inference-pool.ts";
import { beyondMaxPods, type MembershipObserver } from "../discovery/kubernetes/pod-membership.ts";
import type { Pod } from "../discovery/kubernetes/pod.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import { SeldomLog } from "../telemetry/seldom-log.ts";

/** So many pods of a change are named in the log. */
const maxNames = 20;

/** What reports of a pool in a cluster go to. */
export interface ClusterReportsOptions {
  /** `namespace/name`, for logs. */
  readonly pool: string;
  readonly registry: MetricsRegistry;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly onState: (state: PoolState) => void;
}

/** Counts and logs what happens to a pool, its pods and its objects; one line a pod, event and minute at most. */
export class ClusterReports implements PoolObserver, MembershipObserver {
  readonly #options: ClusterReportsOptions;
  readonly #metrics: MetricsRegistry["metrics"];
  readonly #seldom: SeldomLog;

  constructor(options: ClusterReportsOptions) {
    this.#options = options;
    this.#metrics = options.registry.metrics;
    this.#seldom = new SeldomLog(options.clock);
  }

  changed(state: PoolState): void {
    this.#options.onState(state);
  }

  missing(): void {
    const { logger, pool } = this.#options;
    logger.warn(
      { pool },
      "InferencePool not found: there are no endpoints, and health is not serving until it is there",
    );
  }

  invalid(problem: string): void {
    const { logger, pool } = this.#options;
    this.#metrics.invalidObjects.inc({ kind: "InferencePool" });
    logger.error({ pool, problem }, "InferencePool not usable, the last good one stays");
  }

  selected({ selector, targetPorts, appProtocol }: InferencePool): void {
    const { logger, pool } = this.#options;
    logger.info({ pool, selector, targetPorts, appProtocol }, "Pool in force");
  }

  joined(pod: Pod, endpoints: readonly EndpointSpec[]): void {
    this.#metrics.membershipChanges.inc({ change: "joined" });
    const ports = endpoints.map(({ port }) => port);
    this.#seldom.about(`joined ${pod.uid}`, () => {
      this.#options.logger.info({ ...identify(pod), ports }, "Pod joined the pool");
    });
  }

  left(pod: Pod): void {
    this.#metrics.membershipChanges.inc({ change: "left" });
    this.#seldom.about(`left ${pod.uid}`, () => this.#options.logger.info(identify(pod), "Pod left the pool"));
  }

  refused(pod: Pod, reason: string): void {
    this.#metrics.refusedPods.inc({ reason });
    const { logger } = this.#options;
    if (reason === beyondMaxPods) {
      this.#seldom.about(reason, () =>
        logger.warn({ pod: pod.name, reason }, "Pod refused: the pool has as many as it may"),
      );
      return;
    }
    logger.warn({ ...identify(pod), reason }, "Pod refused: it gets no traffic");
  }

  replaced({ joined, left, members }: Parameters<MembershipObserver["replaced"]>[0]): void {
    if (joined.length === 0 && left.length === 0) return;
    this.#metrics.membershipChanges.inc({ change: "joined" }, joined.length);
    this.#metrics.membershipChanges.inc({ change: "left" }, left.length);
    const names = { joinedPods: namesOf(joined), leftPods: namesOf(left) };
    const counts = { joined: joined.length, left: left.length, members };
    this.#options.logger.info({ ...counts, ...names }, "Pods of the pool listed");
  }

  /** Reports of objectives and rewrites. */
  readonly objects: Pick<ClusterObjectsOptions, "onInvalid" | "onAbsent"> = {
    onInvalid: (kind, name, problem) => {
      this.#metrics.invalidObjects.inc({ kind });
      this.#options.logger.error({ kind, name, problem }, "Object not usable, the last good one stays");
    },
    onAbsent: (kind) => {
      this.#options.logger.warn(
        { kind },
        "The API server does not know this kind: it has no effect until its CRD is there",
      );
    },
  };
}

function identify({ name, namespace, uid, ip, serviceAccount }: Pod): object {
  return { pod: name, namespace, uid, ip, serviceAccount };
}

function namesOf(pods: readonly Pod[]): string[] {
  return pods.slice(0, maxNames).map(({ name }) => name);
}
