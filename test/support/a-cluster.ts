import type { TestContext } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { formatProblems } from "../../src/lib/document.ts";
import type { ClusterOptions } from "../../src/main/cluster-discovery.ts";
import { type Picker, type PickerOptions, startPicker } from "../../src/main.ts";
import type { Logger } from "../../src/telemetry/logger.ts";
import { connectAsEnvoy, type EnvoyStream, setHeaders } from "./ext-proc-client.ts";
import { type FakeApiServer, startFakeApiServer } from "./fake-api-server.ts";
import { connectHealth, type HealthClient } from "./health-client.ts";
import { aKubePool, aPod, type PodOptions, type PoolOptions } from "./kube-objects.ts";
import { connectTo } from "./kube/reflector-rig.ts";
import type { KubeObject } from "./kube/resources.ts";
import { metricSample } from "./metric-sample.ts";

/** What a test changes about the picker of a cluster. */
export interface ClusterPickerOptions extends Partial<Omit<PickerOptions, "config" | "cluster">> {
  readonly config?: string;
  readonly cluster?: Partial<Omit<ClusterOptions, "api">>;
}

/** A line that a picker logged. */
export interface LoggedLine extends Readonly<Record<string, unknown>> {
  readonly level: keyof Logger;
  readonly message: string;
}

/** A fake API server and the objects of one namespace, `ns`. */
export class TestCluster {
  readonly server: FakeApiServer;
  readonly namespace = "ns";
  readonly poolName = "pool";

  constructor(server: FakeApiServer) {
    this.server = server;
  }

  /** Writes the kubeconfig of a picker. */
  writeKubeconfig(path: string): void {
    this.server.writeKubeconfig(path);
  }

  /** Creates the pool or replaces it. */
  setPool(options: PoolOptions = {}): void {
    this.server.upsert(aKubePool(options) as unknown as KubeObject);
  }

  removePool(name = "pool"): void {
    this.server.remove(aKubePool({ name }) as unknown as KubeObject);
  }

  /** Creates a pod or replaces what it says. */
  setPod(options: PodOptions): void {
    this.server.upsert(aPod(options) as unknown as KubeObject);
  }

  removePod(name: string): void {
    this.server.remove(aPod({ name }) as unknown as KubeObject);
  }

  /** Creates or replaces any object. */
  set(object: Record<string, unknown>): void {
    this.server.upsert(object as unknown as KubeObject);
  }
}

/** A picker that follows a pool of a fake cluster. */
export interface ClusterPicker {
  readonly picker: Picker;
  readonly health: HealthClient;
  /** Lines that it logged so far. */
  readonly lines: LoggedLine[];
  /** Opens a stream: one HTTP request. */
  open(): EnvoyStream;
  /** Where a new request is sent, or the status of its refusal. */
  pick(): Promise<string>;
  /** Value of a sample of the metrics page, by name and labels as printed. */
  sample(series: string): Promise<number | undefined>;
}

/** Starts an API server without any object. */
export async function aCluster(t: TestContext): Promise<TestCluster> {
  return new TestCluster(await startFakeApiServer(t));
}

/** Starts a picker for the pool `ns/pool`; it need not be there. Pods may be on loopback. Stopped with the test. */
export async function startClusterPicker(
  t: TestContext,
  cluster: TestCluster,
  options: ClusterPickerOptions = {},
): Promise<ClusterPicker> {
  const { config: text, cluster: clusterOptions, ...rest } = options;
  const loaded = loadConfig(text, {
    file: "test",
    registry: builtInRegistry,
    allowExperimentalPlugins: true,
    hashKey: 1n,
  });
  if (loaded.kind === "invalid") throw new Error(formatProblems(loaded.problems));
  const { api } = await connectTo(t, cluster.server);
  const lines: LoggedLine[] = [];
  const log =
    (level: keyof Logger) =>
    (data: object, message: string): void => {
      lines.push({ ...data, level, message });
    };
  const picker = await startPicker({
    poolName: "pool",
    cluster: { api, namespace: "ns", maxPods: 2000, allowLoopback: true, ...clusterOptions },
    config: loaded.config,
    host: "127.0.0.1",
    grpcPort: 0,
    grpcHealthPort: 0,
    metricsPort: 0,
    secureServing: false,
    certPath: undefined,
    scrapeIntervalMs: 50,
    drainMs: 0,
    logger: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    ...rest,
  });
  t.after(() => picker.close());
  const { open } = connectAsEnvoy(t, picker.grpcPort);
  return {
    picker,
    health: connectHealth(t, picker.grpcHealthPort),
    lines,
    open,
    pick: () => pickOnce(open()),
    sample: (series) => metricSample(picker.metricsPort, series),
  };
}

/** Asks where a request goes, and ends the stream. */
export async function pickOnce(stream: EnvoyStream): Promise<string> {
  stream.requestHeaders(
    [
      [":method", "POST"],
      [":path", "/v1/completions"],
    ],
    false,
  );
  stream.requestBody('{"model":"m","prompt":"hello"}');
  const answer = await stream.next();
  const { immediate_response: refusal } = answer;
  await stream.close();
  return refusal === undefined
    ? (setHeaders(answer)["x-gateway-destination-endpoint"] ?? "")
    : `${refusal.status?.code}`;
}
