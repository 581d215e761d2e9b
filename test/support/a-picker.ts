import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { type Picker, type PickerOptions, startPicker } from "../../src/main.ts";
import type { PluginRegistry } from "../../src/scheduling/registry.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";
import { connectAsEnvoy, type EnvoyStream } from "./ext-proc-client.ts";
import type { FakeModelServer } from "./fake-model-server.ts";
import { metricSample } from "./metric-sample.ts";
import { until } from "./until.ts";

/** What a test changes about the picker it starts. */
export interface TestPickerOptions extends Partial<Omit<PickerOptions, "config">> {
  /** EndpointPickerConfig text; default: the default profile. */
  readonly config?: string;
  readonly registry?: PluginRegistry;
  /** Text of an objects file. */
  readonly objects?: string;
  /** Wait until every server was scraped once; default true. */
  readonly scraped?: boolean;
}

/** A whole picker on free loopback ports, and a client that talks to it as Envoy does. */
export interface TestPicker {
  readonly picker: Picker;
  readonly endpointsFile: string;
  /** Opens a stream: one HTTP request. */
  open(): EnvoyStream;
  /** The metrics page. */
  metrics(): Promise<string>;
  /** Value of one sample of the metrics page, by its name and labels as printed; undefined when it is not there. */
  sample(series: string): Promise<number | undefined>;
  /** Resolves when every endpoint was scraped after this moment. */
  scrapedAgain(): Promise<void>;
}

/** A server as an endpoints file lists it. */
export type ListedServer = Pick<FakeModelServer, "host" | "port"> & {
  readonly labels?: Readonly<Record<string, string>>;
};

/** An endpoints file that lists `servers` as server-0, server-1, ... */
export function endpointsText(servers: readonly ListedServer[]): string {
  const entries = servers.map(({ host, port, labels = {} }, index) => ({
    name: `server-${index}`,
    address: host,
    port: String(port),
    labels,
  }));
  return JSON.stringify({ endpoints: entries });
}

/** Starts a picker over real scrapes and real gRPC; stopped with the test. */
export async function startTestPicker(
  t: TestContext,
  servers: readonly ListedServer[],
  options: TestPickerOptions = {},
): Promise<TestPicker> {
  const { config: text, registry = builtInRegistry, scraped = true, objects, ...rest } = options;
  const loaded = loadConfig(text, { file: "test config", registry, allowExperimentalPlugins: true, hashKey: 1n });
  if (loaded.kind === "invalid") throw new Error(formatProblems(loaded.problems));
  const folder = mkdtempSync(join(tmpdir(), "epp-test-"));
  const endpointsFile = join(folder, "endpoints.json");
  writeFileSync(endpointsFile, endpointsText(servers));
  const objectsFile = join(folder, "objects.yaml");
  if (objects !== undefined) writeFileSync(objectsFile, objects);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const picker = await startPicker({
    poolName: "pool",
    endpointsFile,
    ...(objects === undefined ? {} : { objectsFile }),
    config: loaded.config,
    host: "127.0.0.1",
    grpcPort: 0,
    grpcHealthPort: 0,
    metricsPort: 0,
    secureServing: false,
    certPath: undefined,
    scrapeIntervalMs: 50,
    drainMs: 0,
    logger: silentLogger,
    ...rest,
  });
  t.after(() => picker.close());
  const scrapedAgain = (): Promise<void> => untilScraped(picker, performance.now());
  if (scraped) await scrapedAgain();
  const client = connectAsEnvoy(t, picker.grpcPort);
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${picker.metricsPort}/metrics`)).text();
  return {
    picker,
    endpointsFile,
    open: client.open,
    metrics,
    sample: (series) => metricSample(picker.metricsPort, series),
    scrapedAgain,
  };
}

async function untilScraped(picker: Picker, sinceMs: number): Promise<void> {
  await until("a scrape of every endpoint", () =>
    picker.store.snapshot().every(({ signals }) => signals.waitingRequests.sampledAtMs > sinceMs),
  );
}
