/**
 * The demo: the same load through Envoy's round robin, its least-request and the picker, each arm with fresh emulated
 * servers and a fresh Envoy.
 */
import { type Clock, sleep } from "../../src/lib/clock.ts";
import { type Outcome, runLoad } from "../load/client.ts";
import type { LoadRequest } from "../load/load-request.ts";
import { type ArmSetup, type RunningArm, startArm } from "./arm.ts";
import { histogramQuantile } from "./histogram-quantile.ts";
import { ask } from "./http-ask.ts";
import { type ArmProgress, ProgressCounter } from "./progress.ts";
import { type ArmName, armNames, type ArmReport, countFailures, type DemoReport, summarizeArm } from "./report.ts";
import { createScenario, type Scenario, type ScenarioOptions } from "./scenario.ts";
import { round } from "./statistics.ts";

/** Told how the demo goes on. */
export interface DemoObserver {
  planned(scenario: Scenario): void;
  armStarting(name: ArmName): void;
  /** About twice a second while an arm runs. */
  progress(progress: ArmProgress): void;
  /** `failures`: why requests failed, each reason once with its count. */
  armEnded(report: ArmReport, failures: ReadonlyMap<string, number>): void;
}

/** How the demo is run. */
export interface DemoOptions extends ScenarioOptions, Pick<ArmSetup, "script" | "configFile" | "clock" | "record"> {
  readonly envoy: { readonly path: string; readonly version: string };
  /** Ends the demo: everything it started is ended, then it rejects with the signal's reason. */
  readonly signal: AbortSignal;
  readonly observer: DemoObserver;
  /** Leaves the picker's arm running. */
  readonly keep: boolean;
}

/** What a demo leaves. */
export interface DemoResult {
  readonly report: DemoReport;
  /** The picker's arm, still running, when that was asked for; the caller closes it. */
  readonly kept: RunningArm | undefined;
}

const progressMs = 500;
/** Where commands look for a picker that they are not told of. */
const defaultMetricsPort = 9090;

/** Runs the demo. Rejects, with nothing left running, when a part of it does not come up or ends early. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { envoy, servers, seed, load, seconds, observer } = options;
  const scenario = createScenario(options);
  observer.planned(scenario);
  const arms: ArmReport[] = [];
  let last: MeasuredArm | undefined;
  for (const name of armNames) {
    observer.armStarting(name);
    last = await measureArm(name, scenario.load, options);
    arms.push(last.report);
    observer.armEnded(last.report, last.failures);
  }
  const [capacity, offered] = [round(scenario.capacity, 2), round(scenario.offered, 2)];
  const decisionMs = last?.decisionMs ?? { p50: Number.NaN, p99: Number.NaN };
  const version = { version: envoy.version };
  const report = { envoy: version, servers, seed, load, seconds, capacity, offered, arms, decisionMs };
  return { report, kept: last?.kept };
}

interface MeasuredArm {
  readonly report: ArmReport;
  readonly failures: ReadonlyMap<string, number>;
  readonly decisionMs: DemoReport["decisionMs"] | undefined;
  readonly kept: RunningArm | undefined;
}

async function measureArm(name: ArmName, load: readonly LoadRequest[], options: DemoOptions): Promise<MeasuredArm> {
  const { signal, servers, seed, envoy, script, configFile, clock, record } = options;
  const setup = { name, servers, seed, envoyBinary: envoy.path, script, configFile, clock, record };
  // Whoever keeps the demo asks the picker things: commands find it at its default port.
  const arm = await startArm(options.keep ? { ...setup, metricsPort: defaultMetricsPort } : setup, signal);
  const isKept = options.keep && arm.pickerMetrics !== undefined;
  let isMeasured = false;
  try {
    const startMs = clock.nowMs();
    const outcomes = await driveArm(name, arm, load, options);
    const endpoints = arm.endpoints.map((endpoint) => endpoint.name);
    const report = summarizeArm(name, outcomes, endpoints, clock.nowMs() - startMs);
    const decisionMs = arm.pickerMetrics === undefined ? undefined : await readDecisionTimes(arm.pickerMetrics);
    isMeasured = true;
    return { report, failures: countFailures(outcomes), decisionMs, kept: isKept ? arm : undefined };
  } finally {
    if (!isKept || !isMeasured) await arm.close();
  }
}

/** Sends the load and reports progress; rejects when a process of the arm ends before the load does. */
async function driveArm(
  name: ArmName,
  arm: RunningArm,
  load: readonly LoadRequest[],
  options: DemoOptions,
): Promise<Outcome[]> {
  const { clock, seconds, signal, observer } = options;
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(signal.reason);
  signal.addEventListener("abort", interrupt, { once: true });
  void arm.broken.then((part) =>
    stop.abort(new Error(`Cannot finish arm "${name}": ${part} ended before the load did`)),
  );
  const counter = new ProgressCounter();
  const startMs = clock.nowMs();
  const watching = watch(clock, stop.signal, async () => {
    // The servers' process may end while it is asked; `broken` tells that.
    const reports = await arm.stats().catch(() => undefined);
    if (reports === undefined) return;
    const elapsedSeconds = (clock.nowMs() - startMs) / 1000;
    observer.progress(counter.snapshot({ arm: name, elapsedSeconds, seconds, requests: load.length }, reports));
  });
  try {
    return await runLoad(load, {
      ...arm.listener,
      clock,
      signal: stop.signal,
      sent: () => counter.sent(),
      ended: (outcome) => counter.ended(outcome),
    });
  } finally {
    signal.removeEventListener("abort", interrupt);
    stop.abort();
    await watching;
  }
}

async function watch(clock: Clock, signal: AbortSignal, look: () => Promise<void>): Promise<void> {
  for (;;) {
    await sleep(clock, progressMs, signal);
    if (signal.aborted) return;
    await look();
  }
}

async function readDecisionTimes(metrics: { host: string; port: number }): Promise<DemoReport["decisionMs"]> {
  const { body } = await ask(metrics, "/metrics");
  const at = (share: number): number =>
    round(histogramQuantile(body, "epp_decision_duration_seconds", share) * 1000, 3);
  return { p50: at(0.5), p99: at(0.99) };
}
