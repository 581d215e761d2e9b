import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Cleanup } from "../../simulator/demo/cleanup.ts";
import { type RunningEnvoy, startEnvoy } from "../../simulator/demo/envoy-process.ts";
import { ask } from "../../simulator/demo/http-ask.ts";
import { type PickerPorts, type RunningPicker, startPickerProcess } from "../../simulator/demo/picker-process.ts";
import { type SpawnedPool, spawnEmulatedPool } from "../../simulator/emulated-server/spawn.ts";
import { sleep, systemClock } from "../../src/lib/clock.ts";
import { formatYaml } from "../../src/lib/yaml-text.ts";

/** Runs the command line from the sources. */
const script = fileURLToPath(new URL("../../test/support/epp-command.mjs", import.meta.url));

/** What a gateway is made of. */
export interface GatewaySetup {
  /** Path of the Envoy binary. */
  readonly envoyBinary: string;
  /** Model servers, one process each. */
  readonly servers: number;
  readonly pickers: number;
  /** More flags of the pickers. */
  readonly pickerFlags: readonly string[];
}

/** Emulated model servers, pickers and an Envoy before them, each a process of its own. */
export interface Gateway {
  readonly envoy: RunningEnvoy;
  readonly servers: readonly SpawnedPool[];
  /** In order; `restartPicker` replaces one. */
  readonly pickers: readonly RunningPicker[];
  /** Starts the picker at `index` again, on its ports, after it has ended. */
  restartPicker(index: number): Promise<void>;
  /** Resolves when Envoy's own health checks find `healthy` pickers healthy; rejects after 15 s. */
  untilHealthy(healthy: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts everything; resolves when Envoy finds every picker healthy. */
export async function startGateway(setup: GatewaySetup): Promise<Gateway> {
  const cleanup = new Cleanup();
  try {
    return await startParts(setup, cleanup);
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

async function startParts(setup: GatewaySetup, cleanup: Cleanup): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), "epp-soak-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const servers = await startServers(setup.servers, cleanup);
  const endpointsFile = join(folder, "endpoints.yaml");
  const endpoints = servers.flatMap((pool) => pool.endpoints);
  const entries = endpoints.map(({ name, host, port }) => ({ name, address: host, port: `${port}` }));
  await writeFile(endpointsFile, formatYaml({ endpoints: entries }));
  const startPicker = (ports?: PickerPorts): Promise<RunningPicker> =>
    startPickerProcess({ script, endpointsFile, flags: setup.pickerFlags, ...(ports === undefined ? {} : { ports }) });
  const pickers: RunningPicker[] = [];
  cleanup.defer(async () => {
    await Promise.all(pickers.map((picker) => picker.close()));
  });
  for (let i = 0; i < setup.pickers; i++) pickers.push(await startPicker(await freePorts()));
  const addresses = pickers.map(({ grpcPort: port, grpcHealthPort: healthPort }) => ({
    host: "127.0.0.1",
    port,
    healthPort,
    isSecure: !setup.pickerFlags.includes("--secure-serving=false"),
  }));
  const routing = { kind: "picker", host: "original-dst", pickers: addresses, failOpen: false } as const;
  const envoy = await startEnvoy({ binary: setup.envoyBinary, folder, routing, endpoints, clock: systemClock });
  cleanup.defer(() => envoy.close());
  const gateway: Gateway = {
    envoy,
    servers,
    pickers,
    restartPicker: async (index) => {
      pickers[index] = await startPicker(pickers[index]);
    },
    untilHealthy: (healthy) => untilHealthy(envoy, healthy),
    close: () => cleanup.run(),
  };
  await gateway.untilHealthy(setup.pickers);
  return gateway;
}

async function startServers(count: number, cleanup: Cleanup): Promise<SpawnedPool[]> {
  const servers: SpawnedPool[] = [];
  cleanup.defer(async () => {
    await Promise.all(servers.map((pool) => pool.close()));
  });
  const models = { base: "base", adapters: [] };
  for (let i = 0; i < count; i++) {
    servers.push(
      await spawnEmulatedPool({ count: 1, firstNumber: i, replica: "llama-3-8b-h100", models, seed: i + 1 }),
    );
  }
  return servers;
}

/** Ports for a picker that is to come back on them: below those that the system gives to outgoing connections. */
async function freePorts(): Promise<PickerPorts> {
  return { grpcPort: await freePort(), grpcHealthPort: await freePort(), metricsPort: await freePort() };
}

let nextPort = 20_000 + (process.pid % 10_000);

async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort++;
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

async function untilHealthy({ admin }: RunningEnvoy, healthy: number): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const { body } = await ask(admin, "/stats?filter=^cluster.endpoint-picker.membership_healthy$");
    if (Number(/: (\d+)/.exec(body)?.[1]) === healthy) return;
    await sleep(systemClock, 50);
  }
  throw new Error(`Cannot go on: Envoy does not find ${healthy} pickers healthy within 15 s`);
}
