import { printableText } from "../lib/printable-text.ts";
import { describeEndpoint, type EndpointReport } from "./endpoint-report.ts";
import { type ClusterReport, describeCluster } from "./cluster-report.ts";
import { findInCluster } from "./cluster-findings.ts";
import type { ClusterFacts } from "./examine-cluster.ts";
import { explainFailure } from "./failure-advice.ts";
import { type Finding, mergeFindings } from "./finding.ts";
import { findInReads } from "./load-findings.ts";
import { lastFailure, type Observation, pagesOf } from "./observation.ts";
import { findOnPage, type KnownEngines } from "./page-findings.ts";
import { findInPool } from "./pool-findings.ts";

/** Version of the document that `--json` prints; a field that is removed or changes its meaning raises it. */
export const reportSchemaVersion = 1;

/** What was found out about a pool. */
export interface DoctorReport {
  readonly schemaVersion: typeof reportSchemaVersion;
  /** How many findings there are of each severity. */
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
  /** What the API server says; absent for endpoints of a file. */
  readonly cluster?: ClusterReport;
  /** In the order of the file, or of the pods. */
  readonly endpoints: readonly EndpointReport[];
  /** Errors first, then warnings, then notes. */
  readonly findings: readonly Finding[];
}

/** What the report is made of. */
export interface Examination extends KnownEngines {
  readonly observations: readonly Observation[];
  /** Path of the pages. */
  readonly path: string;
  /** Where the endpoints come from; undefined: from a file. */
  readonly cluster?: ClusterFacts | undefined;
}

/** Says what is wrong with a pool. */
export function diagnose(examination: Examination): DoctorReport {
  const { observations, path, cluster } = examination;
  const findings = mergeFindings([
    ...(cluster === undefined ? [] : findInCluster(cluster)),
    ...observations.flatMap((observation) => findOnEndpoint(observation, examination)),
    ...(cluster !== undefined && observations.length === 0 ? [] : findInPool(observations)),
  ]);
  const count = (severity: Finding["severity"]): number => findings.filter((one) => one.severity === severity).length;
  return {
    schemaVersion: reportSchemaVersion,
    errors: count("error"),
    warnings: count("warning"),
    notes: count("note"),
    ...(cluster === undefined ? {} : { cluster: describeCluster(cluster) }),
    endpoints: observations.map((observation) => describeEndpoint(observation, path)),
    findings,
  };
}

function findOnEndpoint(observation: Observation, examination: Examination): readonly Finding[] {
  const last = pagesOf(observation).at(-1);
  const found = [
    ...findFailures(observation, examination.path),
    ...findEngineLabel(observation),
    ...(last === undefined ? [] : [...findOnPage(last, observation, examination), ...findInReads(observation)]),
  ];
  return found.map((finding) => ({ ...finding, endpoints: [observation.id] }));
}

function findFailures(observation: Observation, path: string): Omit<Finding, "endpoints">[] {
  const { reads, metricsAddress } = observation;
  const failure = lastFailure(observation);
  if (failure === undefined) return [];
  const { message, advice } = explainFailure(failure, metricsAddress, path);
  const good = pagesOf(observation).length;
  if (good === 0) return [{ severity: "error", code: "unreachable", message, advice }];
  const what = `${reads.length - good} of ${reads.length} reads failed, at last: ${message}`;
  return [{ severity: "warning", code: "flaky", message: what, advice }];
}

function findEngineLabel({ engine }: Observation): Omit<Finding, "endpoints">[] {
  const { label, isLabelKnown, metrics } = engine;
  if (label === undefined || isLabelKnown) return [];
  const given = printableText(`${label.key}: ${label.value}`);
  const message = `the label ${given} names no engine, the endpoint is read as ${metrics.engine}, the default`;
  const advice = "correct the label, or describe the engine in engineConfigs (core-metrics-extractor)";
  return [{ severity: "warning", code: "engine-unknown", message, advice }];
}
