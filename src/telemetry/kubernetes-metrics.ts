import type { ReflectorObserver } from "../discovery/kubernetes/reflector-observer.ts";
import type { Clock } from "../lib/clock.ts";
import type { MetricsRegistry } from "./registry.ts";

/** What is known of one reflector. */
interface Heard {
  kind: string;
  atMs: number;
  objects: number;
}

/** Counts what reflectors do, and shows how old their last word from the API server is. */
export class KubernetesMetrics {
  readonly #metrics: MetricsRegistry["metrics"];
  readonly #clock: Clock;
  readonly #heard = new Set<Heard>();

  constructor(registry: MetricsRegistry, clock: Clock) {
    this.#metrics = registry.metrics;
    this.#clock = clock;
    registry.onCollect(() => this.#setGauges());
  }

  /**
   * An observer for one reflector of a kind, which hands everything on to `next`. Until the first word the age counts from this
   * call. While two of a kind overlap, the younger word is shown.
   */
  observer(kind: string, next?: ReflectorObserver): ReflectorObserver {
    const metrics = this.#metrics;
    const state: Heard = { kind, atMs: this.#clock.nowMs(), objects: 0 };
    this.#heard.add(state);
    return {
      listed: (kind, objects) => {
        metrics.kubernetesLists.inc({ kind });
        next?.listed(kind, objects);
      },
      watching: (kind) => {
        metrics.kubernetesWatches.inc({ kind });
        next?.watching(kind);
      },
      heard: (kind, objects) => {
        state.atMs = this.#clock.nowMs();
        state.objects = objects;
        next?.heard(kind, objects);
      },
      failed: (kind, reason, detail) => {
        metrics.kubernetesErrors.inc({ kind, reason });
        next?.failed(kind, reason, detail);
      },
      drifted: (kind, objects) => {
        metrics.kubernetesDrift.inc({ kind }, objects);
        next?.drifted(kind, objects);
      },
      closed: (kind) => {
        this.#heard.delete(state);
        next?.closed(kind);
      },
    };
  }

  /** Token, certificates or CA could not be read anew. */
  credentialsFailed(): void {
    this.#metrics.kubernetesCredentialsErrors.inc();
  }

  #setGauges(): void {
    const { kubernetesWatchAge: age, kubernetesObjects: objects } = this.#metrics;
    age.reset();
    objects.reset();
    const oldestFirst = [...this.#heard].toSorted((a, b) => a.atMs - b.atMs);
    for (const { kind, atMs, objects: count } of oldestFirst) {
      age.set({ kind }, (this.#clock.nowMs() - atMs) / 1000);
      objects.set({ kind }, count);
    }
  }
}
