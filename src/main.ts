import { randomBytes, randomUUID } from "node:crypto";
import { admit } from "./admission/admit.ts";
import { CompletionRate } from "./admission/completion-rate.ts";
import { poolSaturation } from "./admission/saturation.ts";
import type { CompiledConfig } from "./config/load.ts";
import type { WatchedConfig } from "./config/watch.ts";
import { ModelRewriteStore } from "./datastore/model-rewrites.ts";
import { ObjectiveStore } from "./datastore/objectives.ts";
import { EndpointStore } from "./datastore/store.ts";
import { defaultHalfLife, type HalfLifeBounds } from "./datastore/track-record.ts";
import { TokenEstimator } from "./datastore/token-estimator.ts";
import { createDebugPages } from "./decisions/debug-pages.ts";
import { DecisionLog } from "./decisions/decision-log.ts";
import { ByteBudget } from "./extproc/byte-budget.ts";
import { defaultTlsSettings, plainCredentials, type TlsSettings } from "./extproc/certificate.ts";
import type { DrainReport } from "./extproc/drain.ts";
import type { RequestPolicy } from "./extproc/exchange.ts";
import type { ElectionTiming } from "./discovery/kubernetes/election-timing.ts";
import { defaultLimits, type ExchangeLimits } from "./extproc/limits.ts";
import { Health } from "./extproc/health.ts";
import { ReceivingSweep } from "./extproc/receiving-sweep.ts";
import { defaultMaxReceiveBytes, type StreamDeps, startExtProcServer, startHealthServer } from "./extproc/server.ts";
import { type ServingCertificate, startCertificate } from "./extproc/serving-certificate.ts";
import { type Clock, systemClock } from "./lib/clock.ts";
import { DescriptorReserve } from "./lib/descriptor-reserve.ts";
import { createRandom, type Random } from "./lib/random.ts";
import { ConfiguredScraping } from "./main/configured-scraping.ts";
import { discover, type DiscoveryOptions } from "./main/discovered.ts";
import { readGauges } from "./main/gauges.ts";
import { Readiness } from "./main/readiness.ts";
import { type Recording, type RecordingOptions, startRecording, unrecorded } from "./main/recording.ts";
import { type FileReports, followConfig } from "./main/watched-files.ts";
import type { Recorder } from "./recording/recorder.ts";
import { type Leadership, type LeadershipReports, standForElection } from "./main/leadership.ts";
import { authorizeByCluster, type MetricsTlsFiles, readMetricsTls } from "./main/metrics-port.ts";
import { Dispatcher } from "./routing/dispatcher.ts";
import { prepare } from "./routing/prepare.ts";
import { withoutLastResort, type RoutingDeps, routeRequest } from "./routing/route-request.ts";
import { Scheduler } from "./routing/scheduler.ts";
import { observeCertificate } from "./telemetry/certificate-metrics.ts";
import { yieldDescriptors } from "./telemetry/descriptor-metrics.ts";
import type { Logger } from "./telemetry/logger.ts";
import { guardLoop } from "./telemetry/loop-guard.ts";
import { startMetricsServer } from "./telemetry/metrics-server.ts";
import { exportDecisionRing } from "./telemetry/decision-ring-metrics.ts";
import { exportBytesPerToken, exportLoopLag, exportPool } from "./telemetry/pool-metrics.ts";
import { createRegistry, type MetricsRegistry } from "./telemetry/registry.ts";
import type { Authorize } from "./telemetry/page-access.ts";
import { countStreams } from "./telemetry/stream-metrics.ts";
import { RequestMetrics } from "./telemetry/request-metrics.ts";

const defaultStalenessMs = 2_000;

/** Everything a picker is started with; ports of 0 take free ones. */
export interface PickerOptions extends DiscoveryOptions {
  readonly config: CompiledConfig;
  /** The file of `config`, to be kept in force; default: the config stays as it is. */
  readonly watchedConfig?: WatchedConfig | undefined;
  /** Address to listen on. */
  readonly host: string;
  readonly grpcPort: number;
  readonly grpcHealthPort: number;
  readonly metricsPort: number;
  /** TLS on the ext_proc port, with the pair in `certPath` or a self-signed one. */
  readonly secureServing: boolean;
  readonly certPath: string | undefined;
  /** Take over changes of the files in `certPath`; default false. */
  readonly reloadCertificate?: boolean;
  readonly tls?: TlsSettings;
  readonly scrapeIntervalMs: number;
  /** Age at which a sample counts as stale in the pool's gauges; default 2000. */
  readonly stalenessMs?: number;
  /** Bounds of the half-life of confidence in an old sample; default 250 ms to 2 s. */
  readonly halfLife?: HalfLifeBounds;
  /** How long new streams are taken after `close`, at most. */
  readonly drainMs: number;
  /** When streams are cut that are still open, counted from `close`; default `drainMs`. */
  readonly hardStopMs?: number;
  /** HTTPS on the metrics port; default: plain HTTP. */
  readonly metricsTls?: MetricsTlsFiles | undefined;
  /** Ask the cluster whether the bearer of a token may read a page of the metrics port; default false, and only in a cluster. */
  readonly metricsAuth?: boolean;
  /** Times of an election among the pickers of the pool; default: there is none, as outside of a cluster. */
  readonly election?: ElectionTiming | undefined;
  /** Serve gRPC health on the ext_proc port too; default true. */
  readonly healthOnGrpcPort?: boolean;
  /** Export the metrics of ext_proc streams; default false. */
  readonly streamMetrics?: boolean;
  /** Pick from the whole pool whatever subset the host names; default false. */
  readonly ignoreSubset?: boolean;
  /** Put the total score of every candidate into the metadata; default false. */
  readonly emitScores?: boolean;
  /** Record samples, requests without their text, and decisions to files in this folder; default: nothing is recorded. */
  readonly record?: RecordingOptions | undefined;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly limits?: ExchangeLimits;
  readonly maxReceiveBytes?: number;
  readonly maxSendBytes?: number | undefined;
}

/** A picker that serves. */
export interface Picker {
  readonly grpcPort: number;
  readonly grpcHealthPort: number;
  readonly metricsPort: number;
  readonly store: EndpointStore;
  /**
   * Hands over the lead where it has it, reports not serving, drains the streams while everything else goes on, then stops
   * everything in reverse order. `hurry` ends handover and drain at once.
   */
  close(hurry?: AbortSignal): Promise<void>;
}

/**
 * Wires the rooms and starts them: endpoints, scraping, metrics, health, ext_proc. Rejects, with what was started stopped
 * again, when a port cannot be had or a file is not usable.
 */
export async function startPicker(options: PickerOptions): Promise<Picker> {
  const { logger, host, clock = systemClock } = options;
  const random = options.random ?? createRandom(randomBytes(4).readUInt32LE());
  const started: ((hurry?: AbortSignal) => Promise<unknown> | void)[] = [];
  const stop = async (hurry?: AbortSignal): Promise<void> => {
    for (const close of started.splice(0).reverse()) await close(hurry);
  };
  try {
    const registry = createRegistry();
    const reports = { clock, registry, logger };
    const recording = await record(options, reports);
    started.push(() => recording.close());
    const { halfLife = defaultHalfLife } = options;
    const store = new EndpointStore({ halfLife, observer: recording.recorder });
    const tokens = new TokenEstimator();
    const scheduler = createScheduler(options, { store, clock, random, registry, tokens });
    let config = options.config;
    const configRevision = (): string => config.revision;
    const decisions = new DecisionLog({ clock, configRevision });
    exportDecisionRing(registry, () => decisions.state);
    recording.configured(config);
    const objects = { objectives: new ObjectiveStore(), rewrites: new ModelRewriteStore() };
    const health = new Health();
    const readiness = new Readiness(health, config.parsers);
    const onPool = readiness.setPool.bind(readiness);
    const discovered = await discover(options, { store, ...objects }, { ...reports, random, onPool });
    started.push(discovered.close);
    const { scrapeIntervalMs: intervalMs } = options;
    const scraping = new ConfiguredScraping(config.metrics, { store, clock, random, registry, logger, intervalMs });
    started.push(() => scraping.close());
    const scraped = discovered.synced.then(() => scraping.firstRound());
    const replaceConfig = (next: CompiledConfig): void => {
      scraping.reconfigure(next.metrics);
      scheduler.replacePlan(next.plan);
      readiness.setParsers(next.parsers);
      config = next;
      recording.configured(next);
    };
    started.push(await keepConfig(options, replaceConfig, reports));
    const reserve = new DescriptorReserve(clock, yieldDescriptors(scraping, { registry, logger, clock }));
    started.push(() => reserve.close());
    const stalenessMs = options.stalenessMs ?? defaultStalenessMs;
    exportPool(registry, {
      name: options.poolName,
      stalenessMs,
      read: () => readGauges(store, clock),
      saturation: () => readSaturation(store, scheduler, clock),
    });
    exportBytesPerToken(registry, () => tokens.learned());
    started.push(exportLoopLag(registry), guardLoop(registry, clock, logger));
    const leadership = elect(options, { ...reports, random, health });
    const metrics = await startMetricsServer(registry, {
      host,
      port: options.metricsPort,
      tls: await readMetricsTls(options.metricsTls),
      authorize: authorizer(options, reports),
      isReady: () => health.status("") === "SERVING",
      debugPages: createDebugPages({
        log: decisions,
        snapshot: () => store.snapshot(clock.nowMs()),
        clock,
        configRevision,
        pool: options.poolName,
      }),
    });
    started.push(() => metrics.close());
    const plain = plainCredentials();
    const serving = { host, clock, health, connected: () => reserve.look() };
    const healthServer = await startHealthServer({ ...serving, port: options.grpcHealthPort, credentials: plain });
    started.push((hurry) => healthServer.close({ windowMs: 0, hardStopMs: 1000 }, hurry));
    const certificate = options.secureServing ? await certify(options, clock, registry) : undefined;
    started.push(() => certificate?.close());
    const extProc = await startExtProcServer(
      {
        ...serving,
        port: options.grpcPort,
        credentials: certificate?.credentials ?? plain,
        maxReceiveBytes: options.maxReceiveBytes ?? defaultMaxReceiveBytes,
        maxSendBytes: options.maxSendBytes,
        servesHealth: options.healthOnGrpcPort,
      },
      exchangeDeps(options, {
        ...objects,
        store,
        scheduler,
        tokens,
        clock,
        random,
        registry,
        decisions,
        recorder: recording.recorder,
        config: () => config,
      }),
    );
    // Not before the ext_proc port is open: hosts send streams as soon as health says serving.
    void scraped.then(() => {
      readiness.open();
      // Who leads serves: a picker that knows no endpoints yet does not stand.
      leadership?.start();
    });
    started.push(async (hurry) => {
      const { drainMs, hardStopMs = drainMs } = options;
      const toldAtMs = clock.nowMs();
      await leadership?.handOver(drainMs / 2, hurry);
      health.change({ isDraining: true });
      // Both are counted from the signal, whatever a handover took of them.
      const tookMs = clock.nowMs() - toldAtMs;
      const limits = { windowMs: drainMs - tookMs, hardStopMs: hardStopMs - tookMs };
      tellDrain(await extProc.close(limits, hurry), logger, registry);
      await leadership?.close();
    });
    return { grpcPort: extProc.port, grpcHealthPort: healthServer.port, metricsPort: metrics.port, store, close: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Begins the recording, where one is asked for. */
async function record(options: PickerOptions, reports: FileReports): Promise<Recording> {
  const { record: where, poolName: pool, halfLife = defaultHalfLife } = options;
  return where === undefined ? unrecorded : startRecording(where, { pool, source: "picker", halfLife }, reports);
}

const nothingToClose = (): void => {};

/** Keeps the config's file in force, where it has one; returns the function that ends it. */
async function keepConfig(
  { watchedConfig, config }: PickerOptions,
  replace: (config: CompiledConfig) => void,
  reports: FileReports,
): Promise<() => void> {
  if (watchedConfig === undefined) return nothingToClose;
  return (await followConfig({ ...watchedConfig, config }, replace, reports)).close;
}

/** A candidate for the lead, where there is an election. */
function elect(options: PickerOptions, reports: LeadershipReports): Leadership | undefined {
  const { cluster, election: timing, poolName } = options;
  if (cluster === undefined || timing === undefined) return undefined;
  return standForElection({ api: cluster.api, namespace: cluster.namespace, poolName, timing }, reports);
}

/** Who may read the metrics port, where tokens are asked for. */
function authorizer({ cluster, metricsAuth }: PickerOptions, reports: FileReports): Authorize | undefined {
  return cluster !== undefined && metricsAuth === true ? authorizeByCluster(cluster.api, reports) : undefined;
}

interface SchedulingRooms {
  readonly scheduler: Scheduler;
  readonly tokens: TokenEstimator;
}

interface Rooms {
  readonly store: EndpointStore;
  readonly clock: Clock;
  readonly registry: MetricsRegistry;
}

interface ExchangeRooms {
  readonly random: Random;
  readonly decisions: DecisionLog;
  readonly recorder: Recorder | undefined;
  /** The config in force. */
  readonly config: () => CompiledConfig;
}

interface Objects {
  readonly objectives: ObjectiveStore;
  readonly rewrites: ModelRewriteStore;
}

function createScheduler(
  options: PickerOptions,
  rooms: Rooms & { readonly random: Random; readonly tokens: TokenEstimator },
): Scheduler {
  const { store, clock, random, registry, tokens } = rooms;
  const { schedulerDuration } = registry.metrics;
  const scheduler = new Scheduler({
    plan: options.config.plan,
    clock,
    random,
    tokens,
    scheduled: (durationMs) => schedulerDuration.observe(durationMs / 1000),
  });
  store.onRemoved(({ id }) => scheduler.forget(id));
  return scheduler;
}

function exchangeDeps(options: PickerOptions, rooms: Rooms & SchedulingRooms & Objects & ExchangeRooms): StreamDeps {
  const { store, objectives, rewrites, scheduler, tokens, clock, random, registry, decisions, recorder, config } =
    rooms;
  const completions = new CompletionRate(clock);
  const routing: RoutingDeps = {
    admit: (request, candidates) =>
      admit(request, candidates, { detector: scheduler.plan.detector?.detector, completions }),
    prepare: (picked) => prepare(scheduler.plan, picked),
    nowMs: () => clock.nowMs(),
    snapshot: (nowMs) => store.snapshot(nowMs),
    schedule: scheduler.schedule.bind(scheduler),
    ignoreSubset: options.ignoreSubset ?? false,
    emitScores: options.emitScores ?? false,
    decided: (decided) => {
      decisions.decided(decided);
      recorder?.decided(decided);
    },
  };
  const limits = options.limits ?? defaultLimits;
  const budget = new ByteBudget(limits.bufferedBytes);
  registry.onCollect(() => registry.metrics.bufferedBytes.set(budget.usedBytes));
  const dispatcher = new Dispatcher({ store, scheduler, tokens, completions, observer: recorder });
  const observer = new RequestMetrics(registry, options.logger, (model) => rewrites.isTarget(model));
  const rules: Pick<RequestPolicy, "priorityOf" | "rewriteModel"> = {
    priorityOf: (objective) => objectives.priorityOf(objective),
    rewriteModel: (model) => {
      const decision = rewrites.decide(model, random);
      if (decision !== undefined) observer.rewritten(decision.rewrite, model, decision.targetModel);
      return decision?.targetModel;
    },
  };
  let policy: RequestPolicy = { ...rules, parsers: [], pluginHeaders: [] };
  let policyRevision: string | undefined;
  return {
    clock,
    limits,
    budget,
    sweep: new ReceivingSweep(clock),
    observer,
    newRequestId: randomUUID,
    policy: () => {
      const { revision, parsers, plan } = config();
      if (policyRevision !== revision) policy = { ...rules, parsers, pluginHeaders: plan.requestHeaders };
      policyRevision = revision;
      return policy;
    },
    route: (request, metadata, arrivedAtMs) => routeRequest(request, metadata, routing, arrivedAtMs),
    unrouted: (refusal, requestId, arrivedAtMs) => {
      decisions.refused(refusal, requestId, arrivedAtMs);
      recorder?.refused(refusal, requestId);
    },
    dispatched: (decision) => dispatcher.dispatch(decision),
    streamObserver: options.streamMetrics === true ? countStreams(registry) : undefined,
    streamFailed: (error) => options.logger.error({ err: error }, "Failed to process request"),
  };
}

function certify(options: PickerOptions, clock: Clock, registry: MetricsRegistry): Promise<ServingCertificate> {
  return startCertificate({
    folder: options.certPath,
    isWatched: options.reloadCertificate ?? false,
    settings: options.tls ?? defaultTlsSettings,
    clock,
    observer: observeCertificate(registry, options.logger),
  });
}

function tellDrain(
  { windowEnd, durationMs, cutStreams }: DrainReport,
  logger: Logger,
  registry: MetricsRegistry,
): void {
  registry.metrics.drainCutStreams.inc(cutStreams);
  const report = { windowEnd, durationMs: Math.round(durationMs), cutStreams };
  if (cutStreams === 0) logger.info(report, "Drained: every stream has ended");
  else logger.warn(report, "Drained: streams were cut that had not ended");
}

function readSaturation(store: EndpointStore, { plan }: Scheduler, clock: Clock): number | undefined {
  const detector = plan.detector?.detector;
  return detector && poolSaturation(withoutLastResort(store.snapshot(clock.nowMs())), detector);
}
