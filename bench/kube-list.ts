import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connectApiServer } from "../src/discovery/kubernetes/api-client.ts";
import { readPod, type Pod } from "../src/discovery/kubernetes/pod.ts";
import { startReflector } from "../src/discovery/kubernetes/reflector.ts";
import { systemClock } from "../src/lib/clock.ts";
import { createRandom } from "../src/lib/random.ts";

/**
 * How long the event loop stands still while thousands of pods are listed, and while all of them change at once:
 * `npm run bench:kube -- [--pods N] [--bytes N] [--rounds N]`. The API server is a process of its own. Exits 1 when the loop
 * stood still for more than 50 ms of CPU time.
 */
const { values } = parseArgs({
  options: {
    pods: { type: "string", default: "5000" },
    bytes: { type: "string", default: "10000" },
    rounds: { type: "string", default: "5" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "epp-bench-"));
const kubeconfig = join(folder, "config");
const child = fork(new URL("kube-server-child.ts", import.meta.url), [values.pods, values.bytes, kubeconfig]);
await once(child, "message");
const api = await connectApiServer({ env: { KUBECONFIG: kubeconfig }, clock: systemClock });

interface Measured {
  readonly tookMs: number;
  /** Longest turn of the event loop by the clock, and in CPU time of its thread: what it would be on an idle machine. */
  readonly stallMs: number;
  readonly stallCpuMs: number;
}

/** CPU time that the main thread has had, in milliseconds; Linux only. */
function threadCpuMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1").split(" ", 1)[0]) / 1e6;
}

/** Longest turn in CPU time that is let pass (reliability F29). */
const maxTurnMs = 50;

/** Runs `work` beside a loop of turns that are looked at one by one. */
async function measure(work: () => Promise<void>): Promise<Measured> {
  let [isOver, stallMs, stallCpuMs] = [false, 0, 0];
  const watching = (async () => {
    while (!isOver) {
      const [sinceMs, cpu] = [performance.now(), threadCpuMs()];
      await new Promise((resolve) => setImmediate(resolve));
      stallMs = Math.max(stallMs, performance.now() - sinceMs);
      stallCpuMs = Math.max(stallCpuMs, threadCpuMs() - cpu);
    }
  })();
  const startMs = performance.now();
  await work();
  const tookMs = performance.now() - startMs;
  isOver = true;
  await watching;
  if (stallCpuMs > maxTurnMs) process.exitCode = 1;
  return { tookMs, stallMs, stallCpuMs };
}

const say = (what: string, { tookMs, stallMs, stallCpuMs }: Measured): void =>
  console.log(
    `${what}: ${tookMs.toFixed(0)} ms; longest turn of the loop ${stallMs.toFixed(1)} ms, ${stallCpuMs.toFixed(1)} ms of CPU`,
  );

console.log(`${values.pods} pods of ${values.bytes} bytes, Node ${process.version}`);
say("nothing at all, for 3 s", await measure(() => new Promise((resolve) => setTimeout(resolve, 3_000))));
for (let round = 0; round < Number(values.rounds); round++) {
  let changes = 0;
  let allChanged = (): void => {};
  let reset: readonly Pod[] = [];
  let reflector: ReturnType<typeof startReflector> | undefined;
  let setWatching = (): void => {};
  const watching = new Promise<void>((resolve) => {
    setWatching = resolve;
  });
  const list = await measure(async () => {
    reflector = startReflector<Pod>({
      api,
      kind: "pods",
      path: "/api/v1/namespaces/default/pods",
      selectors: { labelSelector: "app=vllm" },
      project: (object) => readPod(object) as Pod,
      sink: {
        reset: (pods) => {
          reset = pods;
        },
        upsert: () => {
          if (++changes === Number(values.pods)) allChanged();
        },
        remove: () => {},
      },
      observer: {
        listed: () => {},
        watching: () => setWatching(),
        heard: () => {},
        failed: (_kind, reason, detail) => console.log(`  ${reason}: ${detail}`),
        drifted: () => {},
        closed: () => {},
      },
      clock: systemClock,
      random: createRandom(round),
    });
    await reflector.synced;
  });
  say(`list ${round + 1} (${reset.length} pods)`, list);
  await watching;
  const burst = await measure(async () => {
    const all = new Promise<void>((resolve) => {
      allChanged = resolve;
    });
    child.send("change");
    await all;
  });
  say(`  all of them change (${changes} events)`, burst);
  reflector?.close();
}
console.log(`RSS ${(process.memoryUsage.rss() / 1024 / 1024).toFixed(0)} MiB`);
api.close();
child.kill();
rmSync(folder, { recursive: true, force: true });
