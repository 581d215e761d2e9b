import { pathToFileURL } from "node:url";
import { createExactReplica } from "../simulator/replica/exact-replica.ts";
import { createMacroReplica } from "../simulator/replica/macro-replica.ts";
import { presetConfig } from "../simulator/replica/presets.ts";
import type { ReplicaRequest } from "../simulator/replica/sequence.ts";
import type { ReplicaListener, VirtualReplica } from "../simulator/replica/virtual-replica.ts";
import { drawExponential, drawLength } from "../simulator/load/distributions.ts";
import { createRandom } from "../src/lib/random.ts";

const replicas = 8;
const scrapeMs = 50;

interface Arrival extends ReplicaRequest {
  readonly atMs: number;
}

interface Load {
  readonly name: string;
  readonly requests: number;
  /** Requests for the exact replica, which takes far longer. */
  readonly exactRequests: number;
  readonly create: (requests: number) => readonly Arrival[];
}

const loads: readonly Load[] = [
  { name: "512/512 at 80/s", requests: 40_000, exactRequests: 4000, create: (n) => equalLengths(n, 80) },
  { name: "512/512 saturated", requests: 40_000, exactRequests: 4000, create: (n) => equalLengths(n, 165) },
  { name: "conversations", requests: 12_031, exactRequests: 2000, create: (n) => conversations(n) },
];

/** Poisson arrivals of 512 tokens in and out with block hashes of 16 tokens; a tenth of the prompt is shared. */
function equalLengths(requests: number, ratePerSecond: number): readonly Arrival[] {
  const random = createRandom(1);
  let atMs = 0;
  let fresh = 1000;
  return Array.from({ length: requests }, (_, id) => {
    atMs += drawExponential(random, 1000 / ratePerSecond);
    const blockHashes = Float64Array.from({ length: 32 }, (_hash, i) => (i < 3 ? i : fresh++));
    return { id, atMs, promptTokens: 512, outputTokens: 512, blockHashes, adapter: undefined };
  });
}

/** Long prompts in hashes of 512 tokens, of which a third continue an earlier one; 12,000 tokens in the mean. */
function conversations(requests: number): readonly Arrival[] {
  const random = createRandom(2);
  const chains: Uint32Array[] = [];
  let atMs = 0;
  let fresh = 1;
  return Array.from({ length: requests }, (_, id) => {
    atMs += drawExponential(random, 1000 / 3.4);
    const promptTokens = drawLength(random, { median: 7000, sigma: 1.05, min: 900, max: 120_000 });
    const outputTokens = drawLength(random, { median: 300, sigma: 0.6, min: 1, max: 2000 });
    const earlier = random() < 0.6 ? chains[Math.floor(random() * chains.length)] : undefined;
    const blockHashes = Uint32Array.from(
      { length: Math.floor(promptTokens / 512) },
      (_hash, i) => earlier?.[i] ?? fresh++,
    );
    chains.push(blockHashes);
    return { id, atMs, promptTokens, outputTokens, blockHashes, blockTokens: 512, adapter: undefined };
  });
}

/** Sends each request to the replica with the fewest, and reads every replica's load each 50 ms. */
class Pool implements ReplicaListener {
  readonly #replicas: readonly VirtualReplica[];
  readonly #inFlight = new Int32Array(replicas);
  readonly #replicaOf: Int32Array;
  #scrapedAtMs = 0;
  endMs = 0;
  tokens = 0;

  constructor(create: typeof createExactReplica, requests: number) {
    const config = presetConfig("llama-3-8b-h100");
    this.#replicas = Array.from({ length: replicas }, () => create(config, this));
    this.#replicaOf = new Int32Array(requests);
  }

  run(arrivals: readonly Arrival[]): void {
    for (const arrival of arrivals) {
      for (; this.#scrapedAtMs <= arrival.atMs; this.#scrapedAtMs += scrapeMs) this.#scrape();
      for (const replica of this.#replicas) replica.advance(arrival.atMs);
      const chosen = this.#least();
      this.#inFlight[chosen]!++;
      this.#replicaOf[arrival.id] = chosen;
      this.#replicas[chosen]!.submit(arrival, arrival.atMs);
    }
    for (const replica of this.#replicas) {
      while (replica.nextEventMs() !== Infinity) replica.advance(replica.nextEventMs());
    }
  }

  #least(): number {
    let least = 0;
    for (let i = 1; i < replicas; i++) if (this.#inFlight[i]! < this.#inFlight[least]!) least = i;
    return least;
  }

  firstToken(): void {
    this.tokens++;
  }

  finished(id: number, atMs: number): void {
    this.#inFlight[this.#replicaOf[id]!]!--;
    this.endMs = Math.max(this.endMs, atMs);
  }

  gaps(_gapMs: number, count: number): void {
    this.tokens += count;
  }

  #scrape(): void {
    for (const replica of this.#replicas) replica.loadAt(this.#scrapedAtMs);
  }
}

interface Measured {
  readonly seconds: number;
  readonly pool: Pool;
}

function measure(create: typeof createExactReplica, arrivals: readonly Arrival[]): Measured {
  const pool = new Pool(create, arrivals.length);
  const start = process.cpuUsage();
  pool.run(arrivals);
  const { user, system } = process.cpuUsage(start);
  return { seconds: (user + system) / 1e6, pool };
}

/**
 * Prints how many requests and tokens eight replicas of an 8B model simulate in a second of processor time, jumping over steps
 * and taking each, and how much faster than real time that is. The router counts requests in flight; loads are read every 50 ms.
 */
export function benchSimulatorReplica(print: (line: string) => void): void {
  for (const { name, requests, exactRequests, create } of loads) {
    const short = create(exactRequests);
    const exact = measure(createExactReplica, short);
    // The compiler has done its part after some runs.
    const same = Array.from({ length: 5 }, () => measure(createMacroReplica, short)).reduce((a, b) =>
      b.seconds < a.seconds ? b : a,
    );
    const macro = measure(createMacroReplica, create(requests));
    print(figures(`${name}, stepping`, exactRequests, exact));
    print(
      `${figures(`${name}, jumping`, requests, macro)}   ${(exact.seconds / same.seconds).toFixed(0)} times stepping`,
    );
    if (exact.pool.endMs !== same.pool.endMs || exact.pool.tokens !== same.pool.tokens) {
      throw new Error(`Cannot compare "${name}": jumping and stepping end at different times`);
    }
  }
}

function figures(name: string, requests: number, { seconds, pool }: Measured): string {
  const rate = Math.round(requests / seconds).toLocaleString("en");
  const tokens = (pool.tokens / seconds / 1e6).toFixed(1);
  const realTime = Math.round(pool.endMs / 1000 / seconds).toLocaleString("en");
  return `${name.padEnd(28)} ${rate.padStart(9)} req/s ${tokens.padStart(7)} M tokens/s ${realTime.padStart(7)} x real time`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) benchSimulatorReplica((line) => console.log(line));
