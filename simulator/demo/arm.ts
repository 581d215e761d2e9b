import { rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BootstrapOptions, SocketAddress } from "../../src/envoy/options.ts";
import { type Clock, sleep } from "../../src/lib/clock.ts";
import { formatYaml } from "../../src/lib/yaml-text.ts";
import type { EmulatedEndpoint } from "../emulated-server/endpoint-server.ts";
import type { EndpointReport } from "../emulated-server/process-messages.ts";
import { spawnEmulatedPool } from "../emulated-server/spawn.ts";
import { runLoad } from "../load/client.ts";
import { generateLoad } from "../load/generate.ts";
import { Cleanup } from "./cleanup.ts";
import { startEnvoy } from "./envoy-process.ts";
import { ask } from "./http-ask.ts";
import { preferPort } from "./free-port.ts";
import { onExit } from "./on-exit.ts";
import { type RunningPicker, startPickerProcess } from "./picker-process.ts";
import type { ArmName } from "./report.ts";
import { demoModels, demoReplica } from "./scenario.ts";

/** What an arm is started with. */
export interface ArmSetup {
  readonly name: ArmName;
  readonly servers: number;
  readonly seed: number;
  /** Path of the Envoy binary. */
  readonly envoyBinary: string;
  /** Script of the command line, for the picker. */
  readonly script: string;
  /** EndpointPickerConfig of the picker. */
  readonly configFile: string;
  /** Metrics port of the picker, if nobody has it; default: any free one. */
  readonly metricsPort?: number;
  /** Folder that the picker records to; default: it does not. */
  readonly record?: string | undefined;
  readonly clock: Clock;
}

/** Fresh servers, Envoy in front of them, and between them the picker if the arm has one. */
export interface RunningArm {
  /** Where requests go. */
  readonly listener: SocketAddress;
  readonly envoyAdmin: SocketAddress;
  readonly endpoints: readonly EmulatedEndpoint[];
  /** The picker's metrics page; undefined in an arm without a picker. */
  readonly pickerMetrics: SocketAddress | undefined;
  /** Load and totals of every endpoint, in order. */
  stats(): Promise<readonly EndpointReport[]>;
  /** Resolves with the name of the first process that ended by itself. */
  readonly broken: Promise<string>;
  /** Ends all processes and removes all files. */
  close(): Promise<void>;
}

const serveTimeoutMs = 15_000;

/** Starts an arm; resolves when it is warm. Rejects, with nothing left behind, when a part does not come up. */
export async function startArm(setup: ArmSetup, signal: AbortSignal): Promise<RunningArm> {
  const cleanup = new Cleanup();
  try {
    const arm = await startParts(setup, cleanup, signal);
    await untilServing(arm, setup.clock, signal);
    await warmUp(arm, setup, signal);
    return arm;
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

async function startParts(setup: ArmSetup, cleanup: Cleanup, signal: AbortSignal): Promise<RunningArm> {
  const { name, servers, seed, envoyBinary, clock } = setup;
  const folder = await mkdtemp(join(tmpdir(), "epp-demo-"));
  cleanup.defer(onExit(() => rmSync(folder, { recursive: true, force: true })));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const pool = await spawnEmulatedPool({ count: servers, replica: demoReplica, models: demoModels, seed });
  cleanup.defer(() => pool.close());
  signal.throwIfAborted();
  const picker = name === "picker" ? await startPickerFor(setup, folder, pool.endpoints) : undefined;
  if (picker !== undefined) cleanup.defer(() => picker.close());
  signal.throwIfAborted();
  const routing = routingOf(name, picker);
  const envoy = await startEnvoy({ binary: envoyBinary, folder, routing, endpoints: pool.endpoints, clock });
  cleanup.defer(() => envoy.close());
  signal.throwIfAborted();
  return {
    listener: envoy.listener,
    envoyAdmin: envoy.admin,
    endpoints: pool.endpoints,
    pickerMetrics: picker === undefined ? undefined : { host: "127.0.0.1", port: picker.metricsPort },
    stats: () => pool.stats(),
    broken: Promise.race([
      pool.ended.then(() => "emulated servers"),
      envoy.ended.then(() => "Envoy"),
      ...(picker === undefined ? [] : [picker.ended.then(() => "picker")]),
    ]),
    close: () => cleanup.run(),
  };
}

async function startPickerFor(
  { script, configFile, metricsPort = 0, clock, record }: ArmSetup,
  folder: string,
  endpoints: readonly EmulatedEndpoint[],
): Promise<RunningPicker> {
  const endpointsFile = join(folder, "endpoints.yaml");
  const entries = endpoints.map(({ name, host, port }) => ({ name, address: host, port: `${port}` }));
  await writeFile(endpointsFile, formatYaml({ endpoints: entries }));
  const ports = { grpcPort: 0, grpcHealthPort: 0, metricsPort: await preferPort(metricsPort) };
  const flags = ["--drain-timeout", "100ms", ...(record === undefined ? [] : ["--record", record])];
  return startPickerProcess({ script, endpointsFile, configFile, ports, clock, flags });
}

function routingOf(name: ArmName, picker: RunningPicker | undefined): BootstrapOptions["routing"] {
  if (name !== "picker") return { kind: "balancer", policy: name };
  const { grpcPort = 0, grpcHealthPort = 0 } = picker ?? {};
  const address = { host: "127.0.0.1", port: grpcPort, healthPort: grpcHealthPort, isSecure: true };
  return { kind: "picker", host: "original-dst", pickers: [address], failOpen: false };
}

/** Asks for the model list until it comes. */
async function untilServing({ listener }: RunningArm, clock: Clock, signal: AbortSignal): Promise<void> {
  const deadlineMs = clock.nowMs() + serveTimeoutMs;
  for (;;) {
    const found = await ask(listener, "/v1/models").then(
      (answer) => (answer.status === 200 ? undefined : `status ${answer.status}`),
      (error: Error) => error.message,
    );
    if (found === undefined) return;
    if (clock.nowMs() > deadlineMs) {
      throw new Error(`Cannot start the demo: GET /v1/models through Envoy gives ${found}, expected status 200`);
    }
    await sleep(clock, 50, signal);
    signal.throwIfAborted();
  }
}

/**
 * A second of short requests that share nothing with the load: in every arm connections are open and code is compiled
 * before the first request that counts.
 */
async function warmUp({ listener }: RunningArm, { seed, clock }: ArmSetup, signal: AbortSignal): Promise<void> {
  const requests = generateLoad({
    name: "uniform",
    seed: ~seed,
    seconds: 1,
    ratePerSecond: 60,
    model: demoModels.base,
  });
  const short = requests.map((request) => ({ ...request, outputTokens: 4 }));
  await runLoad(short, { ...listener, clock, signal });
}
