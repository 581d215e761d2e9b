/**
 * One measured simulation in a process of its own, of the built files, so that start-up and compilation count: `CASE [TRACE]`.
 * Prints what came out, as JSON.
 */
import { simulate } from "../dist/simulator/engine/simulate.js";
import { findPolicy } from "../dist/simulator/policies/registry.js";
import { presetConfig } from "../dist/simulator/replica/presets.js";
import { RequestTableBuilder } from "../dist/simulator/traces/request-table-builder.js";
import { readTrace } from "../dist/simulator/traces/read-trace.js";
import { createRandom } from "../dist/src/lib/random.js";

const config = presetConfig("llama-3-8b-h100");
const pool = { replicas: Array.from({ length: 8 }, () => config) };
const [name = "", trace = ""] = process.argv.slice(2);
/** What the pool does of 512/512 when it never runs out of work is about 165 requests a second. */
const saturatedRate = 165;
const moderateRate = 40;

/** Poisson arrivals of 512 tokens in and out; a tenth of each prompt is shared by all. */
function equalLengths(count, ratePerSecond) {
  const random = createRandom(1);
  const builder = new RequestTableBuilder(16, "llama-3-8b");
  const blocks = new Uint32Array(32);
  let arrivalMs = 0;
  for (let i = 0; i < count; i++) {
    arrivalMs -= (Math.log(1 - random()) * 1000) / ratePerSecond;
    for (let block = 0; block < 32; block++) blocks[block] = block < 3 ? block : i * 29 + block;
    builder.add({ arrivalMs, promptTokens: 512, outputTokens: 512 });
    builder.addBlockIds(blocks);
  }
  return builder.build();
}

function run(requests, policy, seed = 1) {
  return simulate({ requests, pool, policy: findPolicy(policy), seed });
}

const cases = {
  short: () => run(equalLengths(20_000, saturatedRate), "default"),
  saturated: () => run(equalLengths(200_000, saturatedRate), "default"),
  moderate: () => run(equalLengths(200_000, moderateRate), "default"),
  trace: () => run(readTrace(trace).requests, "default"),
  million: () => run(equalLengths(1_000_000, saturatedRate * 0.9), "default"),
  /** A tenth of 5 policies x 10 seeds x 8 rates x 4,000 requests: one seed. */
  sweep: () => {
    for (let step = 1; step <= 8; step++) {
      const requests = equalLengths(4000, (saturatedRate * step) / 8);
      for (const policy of ["round-robin", "least-request", "power-of-two", "go-default", "default"])
        run(requests, policy);
    }
    return { requests: { count: 160_000 }, endMs: Number.NaN };
  },
};

const { requests, endMs } = cases[name]();
const seconds = performance.now() / 1000;
const peakMiB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ requests: requests.count, seconds, simulatedSeconds: endMs / 1000, peakMiB }));
