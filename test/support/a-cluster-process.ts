import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { PickerAddress } from "../../src/envoy/options.ts";
import type { PickerPorts } from "./a-deployed-picker.ts";
import { connectAsEnvoy, type EnvoyStream } from "./ext-proc-client.ts";
import { connectHealth, type HealthClient } from "./health-client.ts";
import { aFolder } from "./kube/reflector-rig.ts";

/** A pool of a cluster, and the way to it for its picker. */
export interface ProcessPool {
  readonly namespace: string;
  readonly poolName: string;
  /** Writes the kubeconfig of the picker. */
  writeKubeconfig(path: string): void;
}

/** A picker of a pool in a process of its own. */
export interface ClusterProcess {
  readonly child: ChildProcess;
  readonly ports: PickerPorts;
  readonly health: HealthClient;
  /** As Envoy's bootstrap names it. */
  readonly address: PickerAddress;
  /** What it wrote to standard error so far. */
  readonly log: () => string;
  readonly open: () => EnvoyStream;
  /** Value of a sample of its metrics page, by name and labels as printed. */
  readonly sample: (series: string) => Promise<number | undefined>;
  /** Resolves with the exit code, null after a signal. */
  readonly ended: Promise<number | null>;
}

const entry = fileURLToPath(new URL("./epp-command.mjs", import.meta.url));

/** Lease times for tests: takeover within 5 s. */
export const shortElection = [
  "--ha-enable-leader-election",
  "--leader-election-lease-duration=3s",
  "--leader-election-renew-deadline=2200ms",
  "--leader-election-retry-period=250ms",
] as const;

/**
 * Starts `epp serve --pool-name` for a pool, without TLS and tokens, with `args` behind; ports are free ones of loopback unless
 * `ports` names them. Resolves once its ports are open; ends with the test.
 */
export async function startClusterProcess(
  t: TestContext,
  cluster: ProcessPool,
  { args = [], ports }: { readonly args?: readonly string[]; readonly ports?: PickerPorts } = {},
): Promise<ClusterProcess> {
  const kubeconfig = join(aFolder(t), "kubeconfig");
  cluster.writeKubeconfig(kubeconfig);
  const { grpcPort = 0, grpcHealthPort = 0, metricsPort = 0 } = ports ?? {};
  const listen = ["--host=127.0.0.1", `--grpc-port=${grpcPort}`, `--grpc-health-port=${grpcHealthPort}`];
  const pool = [`--pool-name=${cluster.poolName}`, `--pool-namespace=${cluster.namespace}`, "--allow-loopback"];
  const open = ["--secure-serving=false", "--metrics-endpoint-auth=false", `--metrics-port=${metricsPort}`];
  const child = spawn(process.execPath, ["--import", "tsx", entry, "serve", ...pool, ...listen, ...open, ...args], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const ended = once(child, "exit").then(([code]: (number | null)[]) => code ?? null);
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const failed = ended.then(() => Promise.reject(new Error(`the picker ended before it served: ${log}`)));
  const [opened] = (await Promise.race([once(child, "message"), failed])) as [PickerPorts];
  failed.catch(() => {});
  return {
    child,
    ports: opened,
    health: connectHealth(t, opened.grpcHealthPort),
    address: { host: "127.0.0.1", port: opened.grpcPort, healthPort: opened.grpcHealthPort, isSecure: false },
    log: () => log,
    open: connectAsEnvoy(t, opened.grpcPort).open,
    sample: async (series) => {
      const page = await (await fetch(`http://127.0.0.1:${opened.metricsPort}/metrics`)).text();
      const line = page.split("\n").find((candidate) => candidate.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
    ended,
  };
}

/** Two pickers of one election: the first leads, the second follows and is warm. */
export async function aLeaderAndFollower(
  t: TestContext,
  cluster: ProcessPool,
  args: readonly string[] = shortElection,
): Promise<{ readonly leader: ClusterProcess; readonly follower: ClusterProcess }> {
  const leader = await startClusterProcess(t, cluster, { args });
  const watch = leader.health.watch("");
  while ((await watch.next()) !== "SERVING");
  const follower = await startClusterProcess(t, cluster, { args });
  while (!/Follows: another picker leads/.test(follower.log()))
    await once(follower.child.stderr ?? follower.child, "data");
  return { leader, follower };
}
