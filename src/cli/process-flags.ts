import type { Command } from "commander";
import { defaultElectionTiming, timingProblem } from "../discovery/kubernetes/election-timing.ts";
import type { PickerOptions } from "../main.ts";
import { UsageError } from "./exit.ts";
import { booleanValue, durationValue } from "./option-values.ts";

/** Flags about the process: leader election, who reads the metrics port, health; as commander gives them. */
export interface ProcessFlags {
  haEnableLeaderElection: boolean;
  leaderElectionLeaseDuration: number;
  leaderElectionRenewDeadline: number;
  leaderElectionRetryPeriod: number;
  metricsEndpointAuth?: boolean;
  metricsCertDir?: string;
  metricsClientCaFile?: string;
  healthChecking: boolean;
  enableGrpcStreamMetrics: boolean;
}

/** Declares the flags (protocol 7.1; the times of the election are our own). */
export function addProcessFlags(command: Command): void {
  const { leaseMs, renewDeadlineMs, retryMs } = defaultElectionTiming;
  command
    .option(
      "--ha-enable-leader-election [bool]",
      "one of the pool's pickers leads and is ready, the others stay warm",
      booleanValue,
      false,
    )
    .option(
      "--leader-election-lease-duration <duration>",
      "time after which a silent leader is followed by another, whole seconds",
      durationValue,
      leaseMs,
    )
    .option(
      "--leader-election-renew-deadline <duration>",
      "time without a renewal after which a leader steps down, below the lease duration",
      durationValue,
      renewDeadlineMs,
    )
    .option("--leader-election-retry-period <duration>", "time between two renewals", durationValue, retryMs)
    .option(
      "--metrics-endpoint-auth [bool]",
      "ask the cluster whether a reader's bearer token may get /metrics; default true, with --endpoints false",
      booleanValue,
    )
    .option("--metrics-cert-dir <dir>", "HTTPS on the metrics port: folder with tls.crt and tls.key")
    .option("--metrics-client-ca-file <file>", "mutual TLS on the metrics port: CA of the clients")
    .option("--health-checking [bool]", "serve gRPC health on the ext_proc port too", booleanValue, true)
    .option(
      "--enable-grpc-stream-metrics [bool]",
      "export counts and durations of ext_proc streams",
      booleanValue,
      false,
    );
}

/** What the flags make of a picker; throws UsageError for those that exclude each other. */
export function processOptions(
  flags: ProcessFlags,
  isInCluster: boolean,
): Pick<PickerOptions, "election" | "metricsAuth" | "metricsTls" | "healthOnGrpcPort" | "streamMetrics"> {
  const metricsAuth = flags.metricsEndpointAuth ?? isInCluster;
  if (metricsAuth && !isInCluster) {
    throw new UsageError("--metrics-endpoint-auth asks the Kubernetes API: leave it out with --endpoints");
  }
  return {
    election: electionOf(flags, isInCluster),
    metricsAuth,
    metricsTls: metricsTlsOf(flags, { isInCluster, metricsAuth }),
    healthOnGrpcPort: flags.healthChecking,
    streamMetrics: flags.enableGrpcStreamMetrics,
  };
}

function electionOf(flags: ProcessFlags, isInCluster: boolean): PickerOptions["election"] {
  if (!flags.haEnableLeaderElection) return undefined;
  if (!isInCluster) {
    throw new UsageError(
      "--ha-enable-leader-election needs a Lease of the Kubernetes API: leave it out with --endpoints, where every picker serves",
    );
  }
  const timing = {
    leaseMs: flags.leaderElectionLeaseDuration,
    renewDeadlineMs: flags.leaderElectionRenewDeadline,
    retryMs: flags.leaderElectionRetryPeriod,
  };
  const problem = timingProblem(timing);
  if (problem !== undefined) throw new UsageError(problem);
  return timing;
}

/** A certificate alone keeps nobody out, and a CA alone has no certificate to serve with (protocol 7.1). */
function metricsTlsOf(
  { metricsCertDir: certDir, metricsClientCaFile: clientCaFile }: ProcessFlags,
  { isInCluster, metricsAuth }: { readonly isInCluster: boolean; readonly metricsAuth: boolean },
): PickerOptions["metricsTls"] {
  if (certDir === undefined) {
    if (clientCaFile !== undefined) throw new UsageError("--metrics-client-ca-file needs --metrics-cert-dir");
    return undefined;
  }
  if (clientCaFile !== undefined || metricsAuth) return { certDir, clientCaFile };
  const why = isInCluster
    ? "or --metrics-endpoint-auth: a certificate alone keeps nobody out"
    : "with --endpoints there is no other authentication";
  throw new UsageError(`--metrics-cert-dir needs --metrics-client-ca-file${isInCluster ? " " : ": "}${why}`);
}
