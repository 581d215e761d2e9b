import { pathToFileURL } from "node:url";
import { loadConfig } from "../src/config/load.ts";
import { builtInRegistry } from "../src/config/registry.ts";
import type { Endpoint } from "../src/datastore/endpoint.ts";
import { createRandom } from "../src/lib/random.ts";
import type { SchedulingPlan } from "../src/scheduling/plan.ts";
import { chainSeed, hashBlocks } from "../src/scheduling/prefix/block-hash.ts";
import { noteDispatched, schedule } from "../src/scheduling/schedule.ts";
import { Scratch } from "../src/scheduling/scratch.ts";
import { anEndpoint } from "../test/support/an-endpoint.ts";
import { aRequest } from "../test/support/a-request.ts";

/** One measured figure. */
export interface ScheduleFigure {
  readonly name: string;
  /** Microseconds a call, the least mean of a batch: what the code costs when nothing disturbs it. */
  readonly microseconds: number;
  /** What it may take. */
  readonly limitMicroseconds: number;
}

const batches = 30;
const promptBytes = 4096;

/** Measures decisions with the default profile over pools of three sizes, and the hashing of a long prompt. */
export function benchSchedule(): ScheduleFigure[] {
  return [
    { name: "10 endpoints", microseconds: decisionCost(10, 400), limitMicroseconds: 25 },
    { name: "100 endpoints", microseconds: decisionCost(100, 80), limitMicroseconds: 150 },
    { name: "1000 endpoints", microseconds: decisionCost(1000, 10), limitMicroseconds: 1500 },
    { name: "hash of 100 KB", microseconds: hashCost(), limitMicroseconds: 150 },
  ];
}

/** Eight conversations share a system prompt that every endpoint has seen; each goes on at its own endpoints. */
function decisionCost(endpointCount: number, calls: number): number {
  const random = createRandom(1);
  const endpoints = Array.from({ length: endpointCount }, (_, i) => somewhatLoaded(i, random));
  const plan = defaultPlan();
  const requests = Array.from({ length: 8 }, (_, i) => {
    const prompt = new Uint8Array(promptBytes).map((_byte, at) => (at < 2048 ? at : at * (i + 3)) & 0xff);
    return aRequest({ prompt });
  });
  const context = { nowMs: 0, random, plan, scratch: new Scratch() };
  for (const endpoint of endpoints) {
    for (const request of requests) {
      const decision = schedule(request, [endpoint], context);
      if (decision.kind === "picked") noteDispatched(plan, decision);
    }
  }
  let next = 0;
  return leastMean(calls, () => {
    const decision = schedule(requests[next++ % requests.length] ?? aRequest(), endpoints, context);
    if (decision.kind === "picked") noteDispatched(plan, decision);
  });
}

function hashCost(): number {
  const prompt = new Uint8Array(102_400).map((_, i) => (i * 31) & 0xff);
  const seed = chainSeed(1n, "base", "");
  return leastMean(20, () => hashBlocks(prompt, 256, 2048, seed));
}

function somewhatLoaded(index: number, random: () => number): Endpoint {
  return anEndpoint(`server-${index}`, {
    waiting: Math.floor(random() * 20),
    running: Math.floor(random() * 200),
    kv: random(),
    cache: { blockSizeTokens: 16, blocks: 4096 },
  });
}

function defaultPlan(): SchedulingPlan {
  const options = { file: "default", registry: builtInRegistry, allowExperimentalPlugins: false, hashKey: 1n };
  const loaded = loadConfig(undefined, options);
  if (loaded.kind === "invalid") throw new Error("Cannot load the default config: it has problems, expected none");
  return loaded.config.plan;
}

function leastMean(calls: number, work: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < batches; batch++) {
    const startMs = performance.now();
    for (let call = 0; call < calls; call++) work();
    least = Math.min(least, (performance.now() - startMs) / calls);
  }
  return least * 1000;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const { name, microseconds, limitMicroseconds } of benchSchedule()) {
    console.log(`${name.padEnd(16)} ${microseconds.toFixed(1).padStart(8)} us  (limit ${limitMicroseconds} us)`);
  }
}
