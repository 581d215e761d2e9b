import assert from "node:assert/strict";
import type { Random } from "../src/lib/random.ts";
import { maxCount } from "../src/scrape/metric-value.ts";
import { builtInModelServers } from "../src/scrape/model-servers.ts";
import { createPageParser, type PageReading } from "../src/scrape/parse.ts";
import { EndpointStore } from "../src/datastore/store.ts";
import { Counts } from "./counts.ts";
import { below, chance, mutate, pick, toBytes } from "./generate.ts";
import { noPages, pagesOf } from "./page-corpus.ts";
import type { FuzzTarget } from "./target.ts";

interface PageCase {
  readonly engine: string;
  /** Read one after the other by one parser, as one endpoint's pages are. */
  readonly pages: readonly string[];
}

const counts = new Counts();

/**
 * Pages of metrics, mutated: reading never throws, does not depend on the page before, and gives values that are legal or
 * unknown; the store takes them, and what it then says is legal or unknown too.
 */
export const pages: FuzzTarget<PageCase> = { name: "pages", generate, check, counts: counts.byName };

const values: readonly string[] = [
  "0",
  "1",
  "3.0",
  "0.42",
  "1.0000001",
  "-1",
  "NaN",
  "+Inf",
  "-Inf",
  "1e308",
  "1e999",
  "0x10",
  "",
  "1e7",
  "10000001",
  "9007199254740993",
  "1787000000.25",
  "5 1787000000000",
  "5 -1",
  "5 x",
];

function generate(random: Random): PageCase {
  const engine = pick(random, builtInModelServers).engine;
  const page = (): string => {
    // Pages of another engine come when a pod changes its server.
    const of = chance(random, 0.95) ? engine : pick(random, builtInModelServers).engine;
    return mutatePage(random, pick(random, chance(random, 0.05) ? noPages : pagesOf(of)));
  };
  return { engine, pages: [page(), ...(chance(random, 0.3) ? [page()] : [])] };
}

function mutatePage(random: Random, page: string): string {
  let lines = page.split("\n");
  for (let change = below(random, 6); change > 0; change--) {
    const at = below(random, lines.length);
    const line = lines[at] ?? "";
    const next = (text: string): string[] => lines.toSpliced(at, 1, text);
    switch (below(random, 6)) {
      case 0:
        lines = lines.toSpliced(at, 1);
        break;
      case 1:
        lines = lines.toSpliced(below(random, lines.length), 0, line);
        break;
      case 2:
        lines = next(mutate(random, line));
        break;
      default:
        lines = next(line.replace(/[^ ]*$/, pick(random, values)));
    }
  }
  const text = lines.join("\n");
  return chance(random, 0.2) ? mutate(random, text) : text;
}

function check({ engine, pages: texts }: PageCase): void {
  const metrics = builtInModelServers.find((known) => known.engine === engine);
  assert.ok(metrics);
  const parse = createPageParser(metrics);
  const store = new EndpointStore();
  const [id, incarnation] = ["default/one", "one-1"];
  store.upsert({
    id,
    incarnation,
    name: "one",
    namespace: "default",
    host: "10.0.0.1",
    port: 8000,
    address: "10.0.0.1:8000",
    labels: {},
  });
  for (const [at, text] of texts.entries()) {
    const bytes = toBytes(text);
    const reading = parse(bytes);
    assert.deepEqual(reading, createPageParser(metrics)(bytes), "reading depends on the page before");
    counts.add(reading.kind);
    if (reading.kind !== "page") continue;
    checkReading(reading, bytes.length, text.split("\n").length);
    store.putSample(id, incarnation, { ...reading.signals, sampledAtMs: at });
    checkSnapshot(store);
  }
}

function checkReading({ signals, missing, rejectedLines, bytes }: PageReading, length: number, lines: number): void {
  const { waitingRequests, runningRequests, runningIsTotal, kvCacheRatio, adapters, cacheInfo } = signals;
  assert.equal(bytes, length);
  assert.ok(Number.isInteger(rejectedLines) && rejectedLines >= 0 && rejectedLines <= lines, "rejected lines");
  assertWhole(waitingRequests, 0, maxCount * 1024, "waiting requests");
  const mostRunning = runningIsTotal === true ? Number.MAX_SAFE_INTEGER * 1024 : maxCount * 1024;
  assertWhole(runningRequests, 0, mostRunning, "running requests");
  assert.ok(!kvCacheRatio || (kvCacheRatio >= 0 && kvCacheRatio <= 1), `KV ratio ${kvCacheRatio}`);
  assert.ok(kvCacheRatio !== undefined ? !Number.isNaN(kvCacheRatio) : true, "KV ratio");
  for (const name of [...(adapters?.running ?? []), ...(adapters?.waiting ?? [])]) {
    assert.ok(name !== "" && name === name.trim() && !name.includes(","), `adapter name ${JSON.stringify(name)}`);
  }
  assertWhole(adapters?.maxAdapters, 0, 100_000, "adapter slots");
  assertWhole(cacheInfo?.blockSizeTokens, 1, 65_536, "block size");
  assertWhole(cacheInfo?.blocks, 1, 100_000_000 * 1024, "blocks");
  for (const name of missing) assert.equal(signals[name], undefined, `${name} is there and missing`);
  if (waitingRequests !== undefined && waitingRequests !== null) counts.add("with a queue");
}

/** Sums of ranks may be above the bound of one rank, never fractions, negative or without end. */
function assertWhole(value: number | null | undefined, min: number, max: number, what: string): void {
  if (value === null || value === undefined) return;
  assert.ok(Number.isInteger(value) && value >= min && value <= max, `${what}: ${value}`);
}

function checkSnapshot(store: EndpointStore): void {
  const [endpoint] = store.snapshot();
  assert.ok(endpoint);
  for (const [name, { value, source }] of Object.entries(endpoint.signals)) {
    assert.equal(
      value === undefined,
      source === "unknown" || source === "absent",
      `${name} is ${String(value)} from ${source}`,
    );
    assert.ok(typeof value !== "number" || Number.isFinite(value), `${name} is ${String(value)}`);
  }
}
