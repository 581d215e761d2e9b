import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { EndpointStore } from "../src/datastore/store.ts";
import { TokenEstimator } from "../src/datastore/token-estimator.ts";
import { createRandom } from "../src/lib/random.ts";
import { systemClock } from "../src/lib/clock.ts";
import { VirtualClock } from "../src/lib/virtual-clock.ts";
import { Recorder } from "../src/recording/recorder.ts";
import { defaultRecordingLimits, RecordingFiles } from "../src/recording/recording-files.ts";
import { type DispatchedRequest, Dispatcher } from "../src/routing/dispatcher.ts";
import { routeRequest } from "../src/routing/route-request.ts";
import { Scheduler } from "../src/routing/scheduler.ts";
import { aPlan } from "../test/support/a-plan.ts";
import { aRequest } from "../test/support/a-request.ts";
import { anEndpoint } from "../test/support/an-endpoint.ts";

const endpointCount = 10;
const requestsPerSecond = 500;
const secondsPerBatch = 4;
const batches = 7;
const inFlight = 300;
const promptBytes = 2048;
const limitShare = 0.02;

/**
 * Prints what recording costs: processor time of the same second with and without it, 500 requests of 2 KB on 10 endpoints
 * scraped every 50 ms, disk included.
 */
export async function benchRecording(print: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "epp-bench-"));
  const files = await RecordingFiles.open({
    folder,
    recording: "bench",
    limits: defaultRecordingLimits,
    clock: systemClock,
    begin: () => [],
    failed: (error) => print(`cannot record: ${error.message}`),
  });
  const worlds = { bare: new World(undefined), recorded: new World(files) };
  const costs = { bare: [] as number[], recorded: [] as number[] };
  for (let batch = 0; batch <= batches; batch++) {
    for (const name of ["bare", "recorded"] as const) {
      const cost = await worlds[name].run();
      if (batch > 0) costs[name].push(cost);
    }
  }
  await files.close();
  const share = (Math.min(...costs.recorded) - Math.min(...costs.bare)) / 1e6;
  const seconds = (batches + 1) * secondsPerBatch;
  print(
    `at ${requestsPerSecond} req/s       ${(share * 100).toFixed(2).padStart(7)} % of a core   limit ${limitShare * 100} %`,
  );
  print(
    `written            ${(files.state.bytes / seconds / 1024).toFixed(0).padStart(7)} KiB/s, ${files.state.droppedLines} lines dropped`,
  );
  rmSync(folder, { recursive: true, force: true });
}

class World {
  readonly #clock = new VirtualClock();
  readonly #recorder: Recorder | undefined;
  readonly #store: EndpointStore;
  readonly #scheduler: Scheduler;
  readonly #dispatcher: Dispatcher;
  readonly #open: DispatchedRequest[] = [];
  readonly #specs = Array.from({ length: endpointCount }, (_, i) => anEndpoint(`server-${i}`, { host: `10.0.0.${i}` }));
  readonly #prompts = Array.from({ length: 64 }, (_, i) => Buffer.alloc(promptBytes, `prompt ${i} `));
  #next = 0;

  constructor(files: RecordingFiles | undefined) {
    const clock = this.#clock;
    this.#recorder = files && new Recorder({ sink: files, clock, hashKey: 1n });
    this.#store = new EndpointStore({ observer: this.#recorder });
    const tokens = new TokenEstimator();
    this.#scheduler = new Scheduler({ plan: aPlan(), clock, random: createRandom(1), tokens });
    const observer = this.#recorder;
    this.#dispatcher = new Dispatcher({ store: this.#store, scheduler: this.#scheduler, tokens, observer });
    this.#store.reset(this.#specs);
  }

  /** Microseconds of processor time a second of load; what waits for the disk is written within it. */
  async run(): Promise<number> {
    const start = process.cpuUsage();
    for (let i = 0; i < requestsPerSecond * secondsPerBatch; i++) {
      this.#decide();
      // The disk's turn, as often as a server gives it.
      if (i % 25 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { user, system } = process.cpuUsage(start);
    return (user + system) / secondsPerBatch;
  }

  #decide(): void {
    const i = this.#next++;
    this.#clock.advance(1000 / requestsPerSecond);
    const nowMs = this.#clock.nowMs();
    // 10 endpoints every 50 ms are one in every 5 ms, of 2.5 requests.
    if (i % 5 < 2) this.#scrape(i, nowMs);
    const prompt = this.#prompts[i % this.#prompts.length] as Buffer;
    const decision = routeRequest(aRequest({ prompt, requestId: `request-${i}` }), undefined, {
      nowMs: () => nowMs,
      snapshot: () => this.#store.snapshot(nowMs),
      schedule: this.#scheduler.schedule.bind(this.#scheduler),
      decided: (decided) => this.#recorder?.decided(decided),
    });
    if (decision.kind !== "forward") throw new Error("Cannot measure: the request was refused");
    this.#open.push(this.#dispatcher.dispatch(decision));
    if (this.#open.length > inFlight) this.#end(this.#open.shift() as DispatchedRequest);
  }

  #end(request: DispatchedRequest): void {
    request.firstByte();
    request.completed(200, { promptTokens: 512, completionTokens: 100, totalTokens: 612, cachedTokens: 64 });
    request.release("completed");
  }

  #scrape(i: number, nowMs: number): void {
    const { id, incarnation } = this.#specs[i % endpointCount] as ReturnType<typeof anEndpoint>;
    this.#store.announceSample(id, incarnation, nowMs);
    const load = { waitingRequests: i % 7, runningRequests: i % 31, kvCacheRatio: (i % 97) / 100 };
    const cacheInfo = { blockSizeTokens: 16, blocks: 2048 };
    this.#store.putSample(id, incarnation, { sampledAtMs: nowMs, ...load, cacheInfo });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await benchRecording(console.log);
