import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type FakeApiServer, startFakeApiServer } from "./fake-api-server.ts";
import { type ClusterObject, pickerContainer, theObject } from "./manifests.ts";

/** Ports that a picker has opened. */
export interface PickerPorts {
  readonly grpcPort: number;
  readonly grpcHealthPort: number;
  readonly metricsPort: number;
}

/** A picker that runs as its Deployment says, in a process of its own. */
export interface DeployedPicker {
  readonly api: FakeApiServer;
  readonly child: ChildProcess;
  readonly ports: PickerPorts;
  /** What it wrote to standard error so far. */
  log(): string;
}

const entry = fileURLToPath(new URL("./epp-command.mjs", import.meta.url));

/** What a test changes about the arguments: ports and addresses of this machine. */
const local = ["--host", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"];

/**
 * Starts `epp serve` with the arguments, the config files and the environment of a Deployment, against an API server that has the
 * pool of `objects` and one ready pod at `podIp`, a loopback address. Arguments come first as they are rendered, local ports after
 * them. Resolves once it says that it serves; ends with the test.
 */
export async function startDeployed(
  t: TestContext,
  {
    objects,
    args,
    podIp,
  }: { readonly objects: readonly ClusterObject[]; readonly args?: readonly string[]; readonly podIp: string },
): Promise<DeployedPicker> {
  const folder = mkdtempSync(join(tmpdir(), "epp-deployed-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const api = await startFakeApiServer(t);
  api.writeKubeconfig(join(folder, "kubeconfig"));
  const deployment = theObject(objects, "Deployment", "llm-epp");
  fill(api, objects, podIp);
  for (const [name, text] of Object.entries(theObject(objects, "ConfigMap", "llm-epp").data)) {
    writeFileSync(join(folder, name), text);
  }
  const rendered = args ?? pickerContainer(deployment).args;
  const mounted = rendered.map((arg) => arg.replace(/^\/config\//, `${folder}/`));
  const command = ["--import", "tsx", entry, "serve", ...mounted, "--allow-loopback", ...local];
  const pod = { NAMESPACE: "serving", POD_NAME: "llm-epp-6d5f8c7b9d-x2k4p" };
  const child = spawn(process.execPath, command, {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, ...pod, KUBECONFIG: join(folder, "kubeconfig") },
  });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const failed = ended.then(() => Promise.reject(new Error(`the picker ended before it served: ${log}`)));
  const [ports] = (await Promise.race([once(child, "message"), failed])) as [PickerPorts];
  failed.catch(() => {});
  return { api, child, ports, log: () => log };
}

/** The pool as it is rendered, and a pod of its labels. */
function fill(api: FakeApiServer, objects: readonly ClusterObject[], podIp: string): void {
  for (const { apiVersion, kind, metadata, spec } of objects) {
    if (kind !== "InferencePool" && kind !== "InferenceObjective") continue;
    api.upsert({ apiVersion, kind, metadata: { ...metadata, namespace: "serving" }, spec });
  }
  const labels = { ...selectorOf(objects) };
  api.upsert({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "vllm-0", namespace: "serving", labels },
    spec: { containers: [{ name: "server" }] },
    status: {
      phase: "Running",
      podIP: podIp,
      podIPs: [{ ip: podIp }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  });
}

function selectorOf(objects: readonly ClusterObject[]): Readonly<Record<string, string>> {
  const pool = objects.find(({ kind }) => kind === "InferencePool");
  if (pool !== undefined) return pool.spec.selector.matchLabels;
  const { args } = pickerContainer(theObject(objects, "Deployment", "llm-epp"));
  const pairs = (args[args.indexOf("--endpoint-selector") + 1] ?? "").split(",").map((pair) => pair.split("="));
  return Object.fromEntries(pairs) as Record<string, string>;
}
