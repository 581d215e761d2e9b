import { readFile } from "node:fs/promises";
import { AccessReviews } from "../discovery/kubernetes/access-reviews.ts";
import type { ApiServer } from "../discovery/kubernetes/api-server.ts";
import { checkKeyPair, readKeyPair } from "../extproc/certificate.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricsTls } from "../telemetry/metrics-server.ts";
import type { Authorize } from "../telemetry/page-access.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import { SeldomLog } from "../telemetry/seldom-log.ts";

/** Files of a metrics port with TLS. */
export interface MetricsTlsFiles {
  /** Folder with tls.crt and tls.key. */
  readonly certDir: string;
  /** File with the clients' CA; default: clients need no certificate. */
  readonly clientCaFile?: string | undefined;
}

/** Reads the files; rejects with the path of one that cannot be used. */
export async function readMetricsTls(files: MetricsTlsFiles | undefined): Promise<MetricsTls | undefined> {
  if (files === undefined) return undefined;
  const { certDir, clientCaFile } = files;
  const pair = await readKeyPair(certDir);
  checkKeyPair(pair, certDir);
  if (clientCaFile === undefined) return pair;
  try {
    return { ...pair, clientCa: await readFile(clientCaFile) };
  } catch (error) {
    throw new Error(`Cannot read client CA "${clientCaFile}": ${(error as Error).message}`, { cause: error });
  }
}

/** What to do about a review that failed, by its reason. */
const advice: Readonly<Record<string, string>> = {
  forbidden:
    "Reviews forbidden by the API server: does a ClusterRole allow create on tokenreviews and subjectaccessreviews?",
};

/** Asks the cluster whether the bearer of a token may read a page of the metrics port. */
export function authorizeByCluster(
  api: ApiServer,
  { clock, registry, logger }: { readonly clock: Clock; readonly registry: MetricsRegistry; readonly logger: Logger },
): Authorize {
  const seldom = new SeldomLog(clock);
  const reviews = new AccessReviews({
    api,
    clock,
    onFailed: ({ reason, message: detail }) => {
      registry.metrics.accessReviewErrors.inc({ reason });
      const message =
        advice[reason] ?? "Cannot ask the API server who reads metrics: those without a known answer get 503";
      seldom.about(reason, () => logger.warn({ reason, detail }, message));
    },
  });
  return reviews.authorize.bind(reviews);
}
