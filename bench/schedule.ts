import { pathToFileURL } from "node:url";
import { loadConfig } from "../src/config/load.ts";
import { builtInRegistry } from "../src/config/registry.ts";
import type { Endpoint } from "../src/datastore/endpoint.ts";
import { createRandom } from "../src/lib/random.ts";
import type { InferenceRequest } from "../src/request/inference-request.ts";
import type { SchedulingPlan } from "../src/scheduling/plan.ts";
import { chainSeed, hashBlocks } from "../src/scheduling/prefix/block-hash.ts";
import { noteDispatched, noteEnded, schedule, type ScheduleContext } from "../src/scheduling/schedule.ts";
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

/** A batch takes about a millisecond, so that on a busy machine some are not interrupted. */
const batches = 300;
const promptBytes = 4096;

/** Every scorer there is in one profile. */
const allScorers = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - {type: queue-scorer}
  - {type: running-requests-size-scorer}
  - {type: kv-cache-utilization-scorer}
  - {type: lora-affinity-scorer}
  - {type: prefix-cache-scorer}
  - {type: load-aware-scorer}
  - {type: active-request-scorer}
  - {type: token-load-scorer}
  - {type: no-hit-lru-scorer}
  - {type: context-length-aware}
  - {type: header-label-affinity-scorer, parameters: {headerName: x-tenant, labelKey: tenant}}
`;

/**
 * Measures decisions over pools of three sizes, with the default profile and with all scorers, and the hashing of a long
 * prompt.
 */
export function benchSchedule(): ScheduleFigure[] {
  return [
    { name: "10 endpoints", microseconds: decisionCost(10, 80), limitMicroseconds: 25 },
    { name: "100 endpoints", microseconds: decisionCost(100, 10), limitMicroseconds: 150 },
    { name: "1000 endpoints", microseconds: decisionCost(1000, 1), limitMicroseconds: 1500 },
    { name: "10, all scorers", microseconds: decisionCost(10, 40, allScorers), limitMicroseconds: 50 },
    { name: "100, all scorers", microseconds: decisionCost(100, 5, allScorers), limitMicroseconds: 300 },
    { name: "1000, all scorers", microseconds: decisionCost(1000, 1, allScorers), limitMicroseconds: 3000 },
    { name: "hash of 100 KB", microseconds: hashCost(), limitMicroseconds: 150 },
  ];
}

/**
 * Eight conversations share a system prompt that every endpoint has seen; each goes on at its own endpoints. `config`: text
 * of a config, the default profile when absent.
 */
function decisionCost(endpointCount: number, calls: number, config?: string): number {
  const random = createRandom(1);
  const endpoints = Array.from({ length: endpointCount }, (_, i) => somewhatLoaded(i, random));
  const plan = planOf(config);
  const requests = Array.from({ length: 8 }, (_, i) => {
    const prompt = new Uint8Array(promptBytes).map((_byte, at) => (at < 2048 ? at : at * (i + 3)) & 0xff);
    return aRequest({ prompt, headers: { "x-tenant": "a" } });
  });
  const context = { nowMs: 0, random, plan, scratch: new Scratch() };
  for (const endpoint of endpoints) {
    for (const request of requests) {
      decide(request, [endpoint], context);
    }
  }
  let next = 0;
  return leastMean(calls, () => decide(requests[next++ % requests.length] ?? aRequest(), endpoints, context));
}

function decide(request: InferenceRequest, endpoints: readonly Endpoint[], context: ScheduleContext): void {
  const decision = schedule(request, endpoints, context);
  if (decision.kind === "picked") noteEnded(noteDispatched(context.plan, decision), "completed");
}

function hashCost(): number {
  const prompt = new Uint8Array(102_400).map((_, i) => (i * 31) & 0xff);
  const seed = chainSeed(1n, "base", "");
  return leastMean(10, () => hashBlocks(prompt, 256, 2048, seed));
}

function somewhatLoaded(index: number, random: () => number): Endpoint {
  return anEndpoint(`server-${index}`, {
    waiting: Math.floor(random() * 20),
    running: Math.floor(random() * 200),
    kv: random(),
    cache: { blockSizeTokens: 16, blocks: 4096 },
    adapters: { maxAdapters: 4 },
    labels: { tenant: index % 3 === 0 ? "a" : "b", "llm-d.ai/context-length-range": `0-${(index % 7) * 1000}` },
  });
}

function planOf(config: string | undefined): SchedulingPlan {
  const options = { file: "bench", registry: builtInRegistry, allowExperimentalPlugins: true, hashKey: 1n };
  const loaded = loadConfig(config, options);
  if (loaded.kind === "invalid") throw new Error("Cannot load the bench's config: it has problems, expected none");
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
    console.log(`${name.padEnd(18)} ${microseconds.toFixed(1).padStart(8)} us  (limit ${limitMicroseconds} us)`);
  }
}
