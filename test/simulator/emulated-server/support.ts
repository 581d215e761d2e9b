import type { TestContext } from "node:test";
import { systemClock } from "../../../src/lib/clock.ts";
import { createRandom } from "../../../src/lib/random.ts";
import type { ReplicaConfig } from "../../../simulator/replica/config.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { type EmulatedPool, startEmulatedServers } from "../../../simulator/emulated-server/pool.ts";

/** Steps of 1 ms, no overhead, small KV cache. */
export function fastConfig(overrides: Partial<ReplicaConfig> = {}): ReplicaConfig {
  return presetConfig("llama-3-8b-h100", {
    coefficients: { baseMs: 1, perRequestUs: 0, perContextTokenUs: 0, perPrefillTokenUs: 0, attentionNs: 0 },
    requestOverheadMs: 0,
    kvTokens: 16_000,
    maxModelTokens: 8192,
    adapterLoadMs: 1,
    adapterSwapMs: 1,
    ...overrides,
  });
}

/** Servers of the model "base" with the adapters "a1" and "a2", closed with the test. */
export async function startServers(
  t: TestContext,
  count = 1,
  overrides: Partial<ReplicaConfig> = {},
): Promise<{ pool: EmulatedPool; urls: string[] }> {
  const pool = await startEmulatedServers({
    count,
    replica: fastConfig(overrides),
    models: { base: "base", adapters: ["a1", "a2"] },
    clock: systemClock,
    random: createRandom(1),
  });
  t.after(() => pool.close());
  return { pool, urls: pool.endpoints.map(({ host, port }) => `http://${host}:${port}`) };
}

/** POSTs `body` as JSON, or as it is when it is text. */
export function post(url: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const headers = { "content-type": "application/json" };
  return fetch(url, { method: "POST", headers, body: text, ...(signal === undefined ? {} : { signal }) });
}

/** The JSON of each event of a streamed answer, in order; "[DONE]" stays text. */
export async function readEvents(response: Response): Promise<unknown[]> {
  const text = await response.text();
  return text
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => part.replace(/^data: /, ""))
    .map((data) => (data === "[DONE]" ? data : (JSON.parse(data) as unknown)));
}

/** Value of the first line of a metrics page that starts with `start`; undefined when there is none. */
export function metric(page: string, start: string): number | undefined {
  const line = page.split("\n").find((text) => text.startsWith(start));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
}
