import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { ApiServer } from "../discovery/kubernetes/api-server.ts";
import type { ElectionTiming } from "../discovery/kubernetes/election-timing.ts";
import { type ElectionObserver, LeaderElection } from "../discovery/kubernetes/leader-election.ts";
import { leaseName } from "../discovery/kubernetes/lease-object.ts";
import type { Health } from "../extproc/health.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import { SeldomLog } from "../telemetry/seldom-log.ts";

/** Among whom a picker stands for the lead. */
export interface ElectionPlace {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly poolName: string;
  readonly timing: ElectionTiming;
}

/** What an election tells of itself. */
export interface LeadershipReports {
  readonly clock: Clock;
  readonly random: Random;
  readonly registry: MetricsRegistry;
  readonly logger: Logger;
  readonly health: Health;
}

/** What to do about a failure, by its reason; absent: it passes by itself. */
const advice: Readonly<Record<string, string>> = {
  forbidden: "Lease forbidden by the API server: does the Role allow get and update on it, and create on leases?",
  unauthorized: "Credentials refused by the API server: reading them anew",
  absent: "The API server does not know leases here: is the namespace there?",
};

/** Beyond one retry period, in which every follower begins to look at the lease: answers of an API server that takes 500 ms for each. */
const takeoverMarginMs = 2000;

/**
 * Time for hosts to find the next leader once it holds the lease. Envoy checks health every second and waits 1 s for the answer
 * (`epp envoy`); Kubernetes asks every 2 s (the chart) and tells its Services.
 */
const noticeMs = 3000;

/** A picker's part in an election. */
export class Leadership {
  readonly #election: LeaderElection;
  readonly #timing: ElectionTiming;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #servesUntilMs = Number.NEGATIVE_INFINITY;
  #released: Promise<void> | undefined;

  constructor(
    election: LeaderElection,
    timing: ElectionTiming,
    { clock, logger }: Pick<LeadershipReports, "clock" | "logger">,
  ) {
    this.#election = election;
    this.#timing = timing;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Hosts may send requests here: this picker leads, or it hands the lead over. Computed when it is asked, so that a pause
   * does not prolong it.
   */
  get serves(): boolean {
    return this.#election.leads || this.#clock.nowMs() < this.#servesUntilMs;
  }

  /** Begins to stand for the lead; once, and not after `handOver` or `close`. */
  start(): void {
    this.#election.start();
  }

  /**
   * Gives the lead up and goes on serving until hosts have had time to find the next leader: 3 s from the moment at which another
   * picker is seen to hold the lease. When none takes it for a retry period and 2 s, nobody will. Ends after `limitMs` in any case,
   * and when `hurry` aborts. A follower has nothing to hand over. Never rejects.
   */
  async handOver(limitMs: number, hurry: AbortSignal = new AbortController().signal): Promise<void> {
    const startedAtMs = this.#clock.nowMs();
    const leftMs = (totalMs: number): number => Math.max(0, startedAtMs + totalMs - this.#clock.nowMs());
    if (this.#election.leads && !hurry.aborted) this.#servesUntilMs = startedAtMs + limitMs;
    const released = this.close();
    if (!this.serves) return;
    const takeoverMs = Math.min(limitMs, this.#timing.retryMs + takeoverMarginMs);
    const successor = await this.#successorWithin(takeoverMs, released, hurry);
    if (successor !== undefined) await sleep(this.#clock, Math.min(noticeMs, leftMs(limitMs)), hurry);
    this.#servesUntilMs = Number.NEGATIVE_INFINITY;
    const tookMs = Math.round(this.#clock.nowMs() - startedAtMs);
    if (successor === undefined) this.#logger.info({ tookMs }, "Lead not handed over: no other picker took the lease");
    else this.#logger.info({ tookMs, successor }, "Lead handed over: another picker has the lease");
  }

  /** Leads no longer, and gives the lease up where it is held. Takes half the renew deadline at most; never rejects. */
  close(): Promise<void> {
    return (this.#released ??= this.#election.close());
  }

  async #successorWithin(ms: number, released: Promise<void>, hurry: AbortSignal): Promise<string | undefined> {
    const late = new AbortController();
    const cancel = this.#clock.after(ms, () => late.abort());
    const signal = AbortSignal.any([hurry, late.signal]);
    try {
      await Promise.race([released, sleep(this.#clock, ms, signal)]);
      return await this.#election.successor(signal);
    } finally {
      cancel();
      late.abort();
    }
  }
}

/**
 * A candidate for the lead among the pickers of a pool, not started yet. Health asks it at every check, and those who watch
 * health are told of every change.
 */
export function standForElection(place: ElectionPlace, reports: LeadershipReports): Leadership {
  const { api, namespace, poolName, timing } = place;
  const { clock, random, registry, health } = reports;
  const name = leaseName(namespace, poolName);
  const identity = `${hostname()}_${randomBytes(8).toString("hex")}`;
  const observer = observe({ lease: `${namespace}/${name}`, identity }, reports);
  const election = new LeaderElection({ api, namespace, name, identity, timing, clock, random, observer });
  const leadership = new Leadership(election, timing, reports);
  health.followLead(() => leadership.serves);
  registry.onCollect(() => registry.metrics.leader.set(election.leads ? 1 : 0));
  return leadership;
}

const lossTexts = {
  deadline: "Lease not renewed in time: leads no longer, health is not serving",
  taken: "Lease has another holder: leads no longer, health is not serving",
  released: "Lease given up: leads no longer",
} as const;

function observe(
  who: { readonly lease: string; readonly identity: string },
  { clock, registry, logger, health }: LeadershipReports,
): ElectionObserver {
  const { leaderTransitions, leaseErrors } = registry.metrics;
  const seldom = new SeldomLog(clock);
  return {
    led: () => {
      leaderTransitions.inc({ change: "led" });
      logger.info(who, "Leads: health is serving once everything else is ready");
      health.change({});
    },
    lost: (why) => {
      leaderTransitions.inc({ change: why });
      logger[why === "released" ? "info" : "warn"](who, lossTexts[why]);
      health.change({});
    },
    follows: (holder) => logger.info({ ...who, holder }, "Follows: another picker leads, this one stays warm"),
    failed: (reason, detail) => {
      leaseErrors.inc({ reason });
      // Two pickers that write at once are a part of every election.
      if (reason === "conflict") return;
      const message = advice[reason] ?? "Cannot read or write the lease for now: trying again";
      seldom.about(reason, () => logger.warn({ lease: who.lease, reason, detail }, message));
    },
  };
}
