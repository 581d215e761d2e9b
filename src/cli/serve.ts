import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import type { TlsSettings } from "../extproc/certificate.ts";
import { defaultHalfLife } from "../datastore/track-record.ts";
import { defaultMaxReceiveBytes } from "../extproc/server.ts";
import { type CompiledConfig, configOf, type LoadedConfig, loadConfig } from "../config/load.ts";
import { builtInRegistry } from "../config/registry.ts";
import { connectApiServer } from "../discovery/kubernetes/api-client.ts";
import { systemClock } from "../lib/clock.ts";
import { type Picker, type PickerOptions, startPicker } from "../main.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import { exitCode, UsageError } from "./exit.ts";
import { answerOtherSignals, stopSignals } from "./process-signals.ts";
import {
  booleanValue,
  byteSizeValue,
  cipherSuitesValue,
  durationValue,
  minScrapeIntervalMs,
  portValue,
  tlsVersionValue,
  verbosityValue,
} from "./option-values.ts";
import { addPoolFlags, locatePool, type PoolFlags, type PoolLocation } from "./pool-flags.ts";
import { readText } from "./read-text.ts";
import { addRecordingSizeFlags, type RecordingSizeFlags, recordTo } from "./recording-flags.ts";
import { addProcessFlags, type ProcessFlags, processOptions } from "./process-flags.ts";
import { addAcceptedFlags, refuseUnavailable, warnAcceptedFlags } from "./serve-flags.ts";

/** Options of `epp serve` as commander gives them. */
interface ServeOptions extends RecordingSizeFlags, PoolFlags, ProcessFlags {
  configFile?: string;
  configText?: string;
  allowExperimentalPlugins: boolean;
  host: string;
  grpcPort: number;
  grpcHealthPort: number;
  metricsPort: number;
  secureServing: boolean;
  certPath?: string;
  enableCertReload: boolean;
  tlsMinVersion: TlsSettings["minVersion"];
  tlsCipherSuites?: string;
  grpcMaxRecvMsgSize?: number;
  grpcMaxSendMsgSize?: number;
  refreshMetricsInterval: number;
  drainTimeout: number;
  drainHardStop: number;
  metricsStalenessThreshold: number;
  signalHalfLifeMin: number;
  signalHalfLifeMax: number;
  record?: string;
  emitEndpointScores: boolean;
  disableEndpointSubsetFilter: boolean;
  v: number;
}

/** `epp serve`: runs the picker until SIGTERM or SIGINT. */
export function registerServe(program: Command): void {
  const command = program
    .command("serve")
    .description("Serve ext_proc for a pool of a cluster or the endpoints of a file");
  addPoolFlags(command);
  command
    .option("--config-file <file>", "EndpointPickerConfig; default: queue 2, kv-cache 2, prefix-cache 3, max-score")
    .option("--config-text <yaml>", "EndpointPickerConfig as text, instead of --config-file")
    .option("--allow-experimental-plugins [bool]", "accept plugins marked alpha", booleanValue, false)
    .option("--host <address>", "address to listen on", "0.0.0.0")
    .option("--grpc-port <port>", "ext_proc", portValue, 9002)
    .option("--grpc-health-port <port>", "gRPC health, plain", portValue, 9003)
    .option("--metrics-port <port>", "Prometheus metrics and pages under /debug/", portValue, 9090)
    .option("--secure-serving [bool]", "TLS on the ext_proc port", booleanValue, true)
    .option("--cert-path <dir>", "folder with tls.crt and tls.key; default: a self-signed certificate")
    .option("--enable-cert-reload [bool]", "take over changes of the files in --cert-path", booleanValue, false)
    .option("--tls-min-version <version>", "VersionTLS12 or VersionTLS13", tlsVersionValue, "TLSv1.2")
    .option("--tls-cipher-suites <names>", "IANA names, commas between; default: Node's list", cipherSuitesValue)
    .option("--grpc-max-recv-msg-size <size>", "largest message to take; default 4MiB", byteSizeValue)
    .option("--grpc-max-send-msg-size <size>", "largest message to send; default: no limit", byteSizeValue)
    .option(
      "--refresh-metrics-interval <duration>",
      "time between two scrapes of an endpoint, at least 50ms",
      durationValue,
      50,
    )
    .option("--drain-timeout <duration>", "how long new streams are taken after SIGTERM", durationValue, 30_000)
    .option("--drain-hard-stop <duration>", "when open streams are cut after SIGTERM", durationValue, 120_000)
    .option(
      "--metrics-staleness-threshold <duration>",
      "age at which a sample counts as old in gauges",
      durationValue,
      2000,
    )
    .option(
      "--signal-half-life-min <duration>",
      "least time in which confidence in an old sample halves",
      durationValue,
      defaultHalfLife.minMs,
    )
    .option(
      "--signal-half-life-max <duration>",
      "longest time in which confidence in an old sample halves",
      durationValue,
      defaultHalfLife.maxMs,
    )
    .option("--record <dir>", "record samples, requests without their text and decisions to files in this folder");
  addRecordingSizeFlags(command)
    .option("--emit-endpoint-scores [bool]", "every candidate's total score in the metadata", booleanValue, false)
    .option("--disable-endpoint-subset-filter [bool]", "ignore the host's subset hint", booleanValue, false)
    .option("-v, --v <level>", "verbosity: 1 warnings, 2 normal, 4 every request", verbosityValue, 2);
  addProcessFlags(command);
  addAcceptedFlags(command);
  command.action(async (options: ServeOptions) => serve(options, command));
}

async function serve(options: ServeOptions, command: Command): Promise<void> {
  const logger = createLogger(options.v);
  refuseUnavailable(command);
  const location = locatePool(options, process.env, "serve");
  checkCombinations(options);
  const ofProcess = processOptions(options, location.kind === "cluster");
  const { config, load } = readConfig(options, logger);
  warnAcceptedFlags(command, logger);
  answerOtherSignals(logger);
  const picker = await startPicker({
    poolName: location.poolName,
    poolGroup: options.poolGroup,
    ...(await discoveryOf(location, options, logger)),
    config,
    watchedConfig: options.configFile === undefined ? undefined : { path: options.configFile, load },
    host: options.host,
    grpcPort: options.grpcPort,
    grpcHealthPort: options.grpcHealthPort,
    metricsPort: options.metricsPort,
    secureServing: options.secureServing,
    certPath: options.certPath,
    scrapeIntervalMs: Math.max(minScrapeIntervalMs, options.refreshMetricsInterval),
    reloadCertificate: options.enableCertReload,
    tls: { minVersion: options.tlsMinVersion, ciphers: options.tlsCipherSuites },
    maxReceiveBytes: options.grpcMaxRecvMsgSize ?? defaultMaxReceiveBytes,
    maxSendBytes: options.grpcMaxSendMsgSize,
    stalenessMs: options.metricsStalenessThreshold,
    halfLife: { minMs: options.signalHalfLifeMin, maxMs: options.signalHalfLifeMax },
    ...ofProcess,
    drainMs: options.drainTimeout,
    hardStopMs: Math.max(options.drainTimeout, options.drainHardStop),
    record: options.record === undefined ? undefined : recordTo(options.record, options),
    emitScores: options.emitEndpointScores,
    ignoreSubset: options.disableEndpointSubsetFilter,
    logger,
  });
  const { grpcPort, grpcHealthPort, metricsPort } = picker;
  // Before anybody hears that the picker serves, so that a signal right after ends it in order.
  const ended = untilSignal(picker, logger);
  logger.info({ grpcPort, grpcHealthPort, metricsPort, config: config.revision }, "Picker is serving");
  process.send?.({ kind: "serving", grpcPort, grpcHealthPort, metricsPort });
  await ended;
}

/** Connects to the API server where the pool is in a cluster. */
async function discoveryOf(
  location: PoolLocation,
  options: PoolFlags,
  logger: Logger,
): Promise<Pick<PickerOptions, "endpointsFile" | "objectsFile" | "cluster">> {
  if (location.kind === "file") return { endpointsFile: location.endpointsFile, objectsFile: options.objects };
  const { namespace, selection } = location;
  const listeners: (() => void)[] = [];
  const tellCredentialsProblem = (problem: string): void => {
    logger.error({ problem }, "Credentials of the API server not readable, the last good ones stay");
    for (const listener of listeners) listener();
  };
  const onCredentialsProblem = (listener: () => void): void => void listeners.push(listener);
  const connecting = { env: process.env, clock: systemClock, onCredentialsProblem: tellCredentialsProblem };
  const api = await connectApiServer(connecting);
  logger.info({ apiServer: api.url, namespace, pool: location.poolName }, "Following the pool in its cluster");
  const { poolMaxPods: maxPods, podServiceAccount, allowLoopback, allowHostNetwork } = options;
  const rules = { selection, maxPods, podServiceAccount, allowLoopback, allowHostNetwork };
  return { cluster: { api, onCredentialsProblem, namespace, ...rules } };
}

/** Throws UsageError for flags that exclude each other or are missing. */
function checkCombinations(options: ServeOptions): void {
  if (options.configFile !== undefined && options.configText !== undefined) {
    throw new UsageError("--config-file and --config-text exclude each other: give one of them");
  }
  if (options.enableCertReload && options.certPath === undefined) {
    throw new UsageError("--enable-cert-reload needs --cert-path: a self-signed certificate does not change");
  }
  checkHalfLife(options);
}

function checkHalfLife({ signalHalfLifeMin, signalHalfLifeMax }: ServeOptions): void {
  if (signalHalfLifeMin <= 0) {
    throw new UsageError("cannot use --signal-half-life-min 0: expected a duration above 0");
  }
  if (signalHalfLifeMin <= signalHalfLifeMax) return;
  throw new UsageError(
    `cannot use --signal-half-life-min ${signalHalfLifeMin}ms: expected at most --signal-half-life-max, which is ${signalHalfLifeMax}ms`,
  );
}

function readConfig(
  options: ServeOptions,
  logger: Logger,
): { readonly config: CompiledConfig; readonly load: (text: string | undefined) => LoadedConfig } {
  const file = options.configFile ?? (options.configText === undefined ? "default config" : "--config-text");
  const { allowExperimentalPlugins } = options;
  const hashKey = randomBytes(8).readBigUInt64LE();
  const load = (text: string | undefined): LoadedConfig =>
    loadConfig(text, { file, registry: builtInRegistry, allowExperimentalPlugins, hashKey });
  const loaded = load(options.configFile === undefined ? options.configText : readText(options.configFile, "config"));
  for (const { path, message } of loaded.warnings) logger.warn({ file, path }, message);
  return { config: configOf(loaded, file), load };
}

/**
 * Resolves when a signal has ended the picker in order. A second signal ends the drain at once, still in order; a third ends
 * the process. A parent that goes away is in a hurry from the start. An error that no request's boundary caught is a bug in an
 * unknown state: it drains too, and the process ends with 1 (reliability F44).
 */
async function untilSignal(picker: Picker, logger: Logger): Promise<void> {
  const signals = stopSignals();
  const hurry = new AbortController();
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error) => {
      logger.error({ err: error }, "Bug outside of any request: the picker stops and ends with 1");
      process.exitCode = exitCode.no;
    });
  }
  const hasten = (cause: string): void => {
    if (!hurry.signal.aborted) logger.warn({ signal: cause }, "Stopping at once: open streams are cut");
    hurry.abort();
  };
  // One listener for the whole life of the process: a signal that comes while listeners change hands is lost.
  let signalsSeen = 0;
  const first = await new Promise<string>((resolve) => {
    let isStopping = false;
    const stop = (cause: string): void => {
      if (isStopping) return hasten(cause);
      isStopping = true;
      resolve(cause);
    };
    for (const name of ["uncaughtException", "unhandledRejection"]) {
      process.once(name, () => {
        if (!isStopping) stop(name);
      });
    }
    for (const name of signals) {
      process.on(name, () => {
        if (++signalsSeen > 2) process.exit(1);
        stop(name);
      });
    }
    process.once("disconnect", () => stop("disconnect"));
  });
  logger.info({ signal: first }, "Stopping: takes streams until hosts have moved away");
  // A parent that has gone waits for nothing.
  if (first === "disconnect") hasten(first);
  await picker.close(hurry.signal);
  // A listener keeps the channel to the parent open, and that this process.
  process.removeAllListeners("disconnect");
  logger.info({}, "Stopped");
}
