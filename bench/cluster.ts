import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { pickOnce, TestCluster } from "../test/support/a-cluster.ts";
import { connectAsEnvoy } from "../test/support/ext-proc-client.ts";
import { FakeApiServer } from "../test/support/fake-api-server.ts";
import { connectHealth } from "../test/support/health-client.ts";
import { type PodServers, startPodServers } from "../test/support/pod-servers.ts";

const rounds = 20;
const epp = fileURLToPath(new URL("../bin/epp.js", import.meta.url));
/** Lets the bench ask a picker to collect its garbage. */
const collecting = ["--expose-gc", "--import", 'data:text/javascript,process.on("SIGUSR2",()=>{gc();gc()})'];

/** Ends what was begun, the last first. */
class Ends {
  readonly #all: (() => unknown)[] = [];

  after(end: () => unknown): void {
    this.#all.push(end);
  }

  async run(): Promise<void> {
    for (const end of this.#all.splice(0).reverse()) await end();
  }
}

interface World {
  readonly cluster: TestCluster;
  readonly servers: PodServers;
  readonly ends: TestContext;
}

interface Started {
  readonly child: ChildProcess;
  readonly grpcPort: number;
  readonly readyMs: number;
  /** Processor time of the picker until then: what `readyMs` is on a machine that does nothing else, about. */
  readonly readyCpuMs: number;
}

/** A cluster with `pods` ready pods, each on a loopback address of its own. */
async function aWorld(ends: Ends, pods: number): Promise<World> {
  const server = new FakeApiServer();
  await server.start();
  ends.after(() => server.close());
  const cluster = new TestCluster(server);
  const ips = Array.from({ length: Math.max(1, pods) }, (_, index) => ipOf(index));
  const servers = await startPodServers(ends, ips);
  cluster.setPool({ ports: [servers.port] });
  for (const [index, ip] of ips.slice(0, pods).entries()) cluster.setPod({ name: `pod-${index}`, ip });
  return { cluster, servers, ends: ends as unknown as TestContext };
}

function ipOf(index: number): string {
  return `127.1.${index >> 8}.${index & 255}`;
}

/** Starts the built picker in a process of its own; resolves when its health is serving. */
async function startPicker({ cluster, ends }: World): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), "epp-bench-"));
  ends.after(() => rmSync(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, "config");
  cluster.server.writeKubeconfig(kubeconfig);
  const ports = ["--host", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"];
  const pool = ["--pool-name", "pool", "--pool-namespace", "ns", "--allow-loopback", "--metrics-endpoint-auth=false"];
  const sinceMs = performance.now();
  const child = spawn(
    process.execPath,
    [...collecting, epp, "serve", ...pool, ...ports, "--secure-serving=false", "-v", "1"],
    {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: { ...process.env, KUBECONFIG: kubeconfig },
    },
  );
  const ended = once(child, "exit");
  ends.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const [message] = (await once(child, "message")) as [{ grpcPort: number; grpcHealthPort: number }];
  const health = connectHealth(ends, message.grpcHealthPort);
  const watch = health.watch("");
  const over = ended.then(([code]) => Promise.reject(new Error(`Cannot measure: the picker ended with ${code}`)));
  over.catch(() => {});
  while ((await Promise.race([watch.next(), over])) !== "SERVING");
  const readyMs = performance.now() - sinceMs;
  return { child, grpcPort: message.grpcPort, readyMs, readyCpuMs: cpuMs(child) };
}

function cpuMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function rssMb({ child }: Started): number {
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) * 1024) / 1e6;
}

interface Memory {
  /** Most that was resident within 20 s, garbage included. */
  readonly mostMb: number;
  /** Resident right after a collection. */
  readonly collectedMb: number;
}

async function measureRss(started: Started): Promise<Memory> {
  let mostMb = 0;
  for (let second = 0; second < 20; second++) {
    await sleep(1000);
    mostMb = Math.max(mostMb, rssMb(started));
  }
  let collectedMb = mostMb;
  // What is freed goes back to the system a little later, while new garbage comes.
  for (let round = 0; round < 5; round++) {
    started.child.kill("SIGUSR2");
    await sleep(1000);
    collectedMb = Math.min(collectedMb, rssMb(started));
  }
  return { mostMb, collectedMb };
}

async function within<T>(pods: number, use: (world: World, started: Started) => Promise<T>): Promise<T> {
  const ends = new Ends();
  try {
    const world = await aWorld(ends, pods);
    return await use(world, await startPicker(world));
  } finally {
    await ends.run();
  }
}

/** Times from a change of the API server's object to the first pick of a new pod, and to the last one of a pod that goes. */
async function measureChanges({ cluster, servers, ends }: World, { grpcPort }: Started): Promise<[number[], number[]]> {
  const { open } = connectAsEnvoy(ends, grpcPort);
  const ip = "127.2.0.1";
  await servers.add(ip);
  const address = `${ip}:${servers.port}`;
  const [added, removed]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const addedAtMs = performance.now();
    cluster.setPod({ name: "newcomer", uid: `uid-${round}`, ip });
    while ((await pickOnce(open())) !== address);
    added.push(performance.now() - addedAtMs);
    const removedAtMs = performance.now();
    if (round % 2 === 0) cluster.server.setPodReady("ns", "newcomer", false);
    else cluster.removePod("newcomer");
    let lastMs = removedAtMs;
    // Long enough for many picks after the last one of it.
    for (let others = 0; others < 50; others++) {
      if ((await pickOnce(open())) !== address) continue;
      lastMs = performance.now();
      others = 0;
    }
    removed.push(lastMs - removedAtMs);
    if (round % 2 === 0) cluster.removePod("newcomer");
  }
  return [added, removed];
}

function tell(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0);
  console.log(`${what}: median ${at(0.5)} ms, most ${at(1)} ms (${times.length} times)`);
}

async function benchChanges(): Promise<void> {
  for (const pods of [1, 20]) {
    const [added, removed] = await within(pods, measureChanges);
    tell(`pod added to ${pods}, until its first pick`, added);
    tell(`pod removed or unready, ${pods} others, until its last pick`, removed);
  }
}

async function benchStart(): Promise<void> {
  for (const pods of [100, 2000]) {
    const [wall, cpu]: [number[], number[]] = [[], []];
    for (let round = 0; round < 3; round++) {
      const { readyMs, readyCpuMs } = await within(pods, async (_, started) => started);
      wall.push(readyMs);
      cpu.push(readyCpuMs);
    }
    tell(`start to serving with ${pods} pods`, wall);
    tell(`processor time of that`, cpu);
  }
}

/** A picker at work has garbage whatever the pool, so what a pod takes is what more pods add. */
async function benchMemory(): Promise<void> {
  const few = await within(200, (_, started) => measureRss(started));
  const many = await within(1000, (_, started) => measureRss(started));
  const tellMb = (what: string, of: (memory: Memory) => number): void => {
    const perPodKb = ((of(many) - of(few)) * 1000) / 800;
    const mb = `${of(few).toFixed(0)} MB with 200 pods, ${of(many).toFixed(0)} MB with 1000`;
    console.log(`resident memory${what}: ${mb}, ${perPodKb.toFixed(0)} KB a pod`);
  };
  tellMb(", the most", ({ mostMb }) => mostMb);
  tellMb(" after a collection", ({ collectedMb }) => collectedMb);
}

const parts = { changes: benchChanges, start: benchStart, memory: benchMemory };
for (const [name, measure] of Object.entries(parts)) {
  if (process.argv[2] === undefined || process.argv[2] === name) await measure();
}
