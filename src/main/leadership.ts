import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { ApiServer } from "../discovery/kubernetes/api-server.ts";
import type { ElectionTiming } from "../discovery/kubernetes/election-timing.ts";
import { type ElectionObserver, LeaderElection } from "../discovery/kubernetes/leader-election.ts";
import { leaseName } from "../discovery/kubernetes/lease-object.ts";
import type { Health } from "../extproc/health.ts";
import type { Clock } from "../lib/clock.ts";
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

/**
 * A candidate for the lead among the pickers of a pool, not started yet. Health asks it at every check, and those who watch
 * health are told of every change.
 */
export function standForElection(place: ElectionPlace, reports: LeadershipReports): LeaderElection {
  const { api, namespace, poolName, timing } = place;
  const { clock, random, registry, health } = reports;
  const name = leaseName(namespace, poolName);
  const identity = `${hostname()}_${randomBytes(8).toString("hex")}`;
  const observer = observe({ lease: `${namespace}/${name}`, identity }, reports);
  const election = new LeaderElection({ api, namespace, name, identity, timing, clock, random, observer });
  health.followLead(() => election.leads);
  registry.onCollect(() => registry.metrics.leader.set(election.leads ? 1 : 0));
  return election;
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
