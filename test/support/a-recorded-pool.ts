import { createRandom } from "../../src/lib/random.ts";
import { simulate } from "../../simulator/engine/simulate.ts";
import type { Policy } from "../../simulator/policies/policy.ts";
import { findPolicy } from "../../simulator/policies/registry.ts";
import { presetConfig } from "../../simulator/replica/presets.ts";
import { RequestTableBuilder } from "../../simulator/traces/request-table-builder.ts";
import { metricPagesOfRun } from "./metric-pages.ts";

/** Pages of two servers under `random`, scraped every 2 s for two minutes: twelve requests a second, lengths drawn apart. */
export function aRecordedPool(): string {
  const random = createRandom(4);
  const table = new RequestTableBuilder(16, "model");
  for (let arrivalMs = 0; arrivalMs < 120_000; arrivalMs += (-Math.log(1 - random()) * 1000) / 12) {
    const [promptTokens, outputTokens] = [200 * 10 ** random(), 50 * 6 ** random()].map(Math.round);
    table.add({ arrivalMs, promptTokens: promptTokens ?? 1, outputTokens: outputTokens ?? 1 });
  }
  const server = presetConfig("llama-3-8b-h100");
  const policy = findPolicy("random") as Policy;
  const pool = { replicas: [server, server] };
  return metricPagesOfRun(simulate({ requests: table.build(), pool, policy, seed: 9, seriesMs: 2000 }));
}
