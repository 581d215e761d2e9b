import { pathToFileURL } from "node:url";
import { DecisionLog } from "../src/decisions/decision-log.ts";
import { EndpointStore } from "../src/datastore/store.ts";
import type { InFlightEntry } from "../src/datastore/in-flight-ledger.ts";
import { createRandom } from "../src/lib/random.ts";
import { VirtualClock } from "../src/lib/virtual-clock.ts";
import { routeRequest } from "../src/routing/route-request.ts";
import { schedule } from "../src/scheduling/schedule.ts";
import { Scratch } from "../src/scheduling/scratch.ts";
import { aPlan } from "../test/support/a-plan.ts";
import { aRequest } from "../test/support/a-request.ts";
import { anEndpoint } from "../test/support/an-endpoint.ts";

const endpointCount = 10;
const requestsPerSecond = 500;
const decisionsPerBatch = 2500;
const batches = 12;
const limitShare = 0.03;

/** What is left out of a run, to see what it costs. */
interface Parts {
  readonly hasRing: boolean;
  readonly hasLedger: boolean;
}

/**
 * Prints what the ring of decisions and the in-flight ledger cost a request: processor time of the same decisions with and
 * without them, 500 a second on 10 endpoints scraped every 50 ms, 300 in flight. What the ledger costs includes the snapshots
 * that its changes make new.
 */
export function benchDecisionRing(print: (line: string) => void): void {
  const worlds = {
    bare: new World({ hasRing: false, hasLedger: false }),
    ledger: new World({ hasRing: false, hasLedger: true }),
    both: new World({ hasRing: true, hasLedger: true }),
  };
  const costs = { bare: [] as number[], ledger: [] as number[], both: [] as number[] };
  for (let batch = 0; batch <= batches; batch++) {
    for (const name of ["bare", "ledger", "both"] as const) {
      const cost = worlds[name].run(decisionsPerBatch);
      if (batch > 0) costs[name].push(cost);
    }
  }
  const bare = median(costs.bare);
  const ledger = median(costs.ledger) - bare;
  const ring = median(costs.both) - median(costs.ledger);
  const share = ((ledger + ring) * requestsPerSecond) / 1e6;
  const { records, bytes } = worlds.both.log.state;
  print(`ring               ${ring.toFixed(1).padStart(7)} us`);
  print(`in-flight ledger   ${ledger.toFixed(1).padStart(7)} us`);
  print(`both at 500 req/s  ${(share * 100).toFixed(2).padStart(7)} % of a core   limit ${limitShare * 100} %`);
  print(`kept               ${records} records, ${(bytes / 1024 / 1024).toFixed(1)} MiB`);
}

class World {
  readonly log: DecisionLog;
  readonly #parts: Parts;
  readonly #clock = new VirtualClock(0);
  readonly #store = new EndpointStore();
  readonly #random = createRandom(1);
  readonly #plan = aPlan();
  readonly #scratch = new Scratch();
  readonly #open: InFlightEntry[] = [];
  #next = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.log = new DecisionLog({ clock: this.#clock, configRevision: () => "0123456789ab" });
    const specs = Array.from({ length: endpointCount }, (_, i) => anEndpoint(`server-${i}`, { host: `10.0.0.${i}` }));
    this.#store.reset(specs);
  }

  /** Microseconds of processor time a decision. */
  run(decisions: number): number {
    const start = process.cpuUsage();
    for (let i = 0; i < decisions; i++) this.#decide();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / decisions;
  }

  #decide(): void {
    const i = this.#next++;
    this.#clock.advance(1000 / requestsPerSecond);
    const nowMs = this.#clock.nowMs();
    this.#scrape(i % 25, nowMs);
    const decision = routeRequest(
      aRequest({ requestId: `7d0c9a4e-5f3b-4c57-9a51-${i}`, prompt: `prompt ${i}` }),
      undefined,
      {
        nowMs: () => nowMs,
        snapshot: () => this.#store.snapshot(nowMs),
        schedule: (request, candidates) =>
          schedule(request, candidates, { nowMs, random: this.#random, plan: this.#plan, scratch: this.#scratch }),
        ...(this.#parts.hasRing && { decided: (decided) => this.log.decided(decided) }),
      },
      nowMs,
    );
    if (decision.kind !== "forward" || !this.#parts.hasLedger) return;
    this.#open.push(this.#store.ledger.open(i, decision.picked.endpoints[0], nowMs));
    const done = this.#open.length > 300 ? this.#open.shift() : undefined;
    if (done !== undefined) this.#store.ledger.close(done);
  }

  #scrape(index: number, nowMs: number): void {
    if (index >= endpointCount) return;
    const { id, incarnation } = this.#store.snapshot(nowMs)[index] ?? anEndpoint("none");
    this.#store.announceSample(id, incarnation, nowMs);
    const load = { waitingRequests: Math.floor(this.#random() * 9), runningRequests: 20, kvCacheRatio: this.#random() };
    this.#store.putSample(id, incarnation, { ...load, sampledAtMs: nowMs });
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) benchDecisionRing((line) => console.log(line));
