import { CompletionRate } from "../../src/admission/completion-rate.ts";
import type { AdapterState, CacheInfo, Endpoint, EndpointSpec } from "../../src/datastore/endpoint.ts";
import type { Sample } from "../../src/datastore/sample.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { TokenEstimator } from "../../src/datastore/token-estimator.ts";
import { ToldClock } from "../../src/lib/told-clock.ts";
import type {
  RecordedEndpoint,
  RecordedPick,
  RecordedSample,
  RecordingHeader,
  RecordingLine,
} from "../../src/recording/line.ts";

/** Lines about the pool. */
export type StateLine = Exclude<
  RecordingLine,
  { kind: "pick" | "sent" | "moved" | "first" | "done" | "header" | "config" }
>;

/**
 * The pool as the recording picker knew it: a store that is told what the recorded one was told, at the recorded times. Its
 * endpoints are those of the recorded decisions, to the bit.
 */
export class RecordedWorld {
  readonly store: EndpointStore;
  readonly tokens = new TokenEstimator();
  readonly clock = new ToldClock();
  readonly completions = new CompletionRate(this.clock);
  readonly #specs = new Map<number, EndpointSpec>();
  readonly #samples = new Map<number, RecordedSample>();

  constructor(header: RecordingHeader) {
    const { halfLifeMs, corrections } = header;
    this.store = new EndpointStore({ corrections, halfLife: { minMs: halfLifeMs.min, maxMs: halfLifeMs.max } });
  }

  /** Sets the time to that of a line. */
  at(nowMs: number): void {
    this.clock.tell(nowMs);
  }

  /** Takes over what a line says of the pool. */
  take(line: StateLine): void {
    if ("atMs" in line) this.at(line.atMs);
    switch (line.kind) {
      case "pool":
        return this.store.reset(line.endpoints.map((endpoint) => this.#learn(endpoint)));
      case "endpoint":
        return this.store.upsert(this.#learn(line.endpoint));
      case "gone":
        return this.store.remove(line.id);
      case "look":
        return void this.store.snapshot(line.atMs);
      case "ask":
      case "sample":
      case "contact":
        return this.#observe(line);
      case "refused":
      case "dropped":
      case "end":
        return;
    }
  }

  /** Spec of an endpoint by its number in the recording. */
  spec(e: number): EndpointSpec | undefined {
    return this.#specs.get(e);
  }

  /** The endpoints that were candidates of a recorded decision, as they were then. */
  candidates({ decidedAtMs, allowed }: RecordedPick): readonly Endpoint[] {
    this.at(decidedAtMs);
    const pool = this.store.snapshot(decidedAtMs);
    if (allowed === undefined) return pool;
    const names = new Set(allowed.map((e) => this.#specs.get(e)?.id));
    return pool.filter(({ id }) => names.has(id));
  }

  #observe(line: Extract<StateLine, { kind: "ask" | "sample" | "contact" }>): void {
    const spec = this.#specs.get(line.e);
    if (spec === undefined) return;
    const { id, incarnation } = spec;
    if (line.kind === "ask") this.store.announceSample(id, incarnation, line.atMs);
    else if (line.kind === "contact") this.store.putContact(id, incarnation, line.outcome);
    else this.store.putSample(id, incarnation, this.#sampleOf(line));
  }

  #learn(endpoint: RecordedEndpoint): EndpointSpec {
    const { e, ...spec } = endpoint;
    this.#specs.set(e, spec);
    return spec;
  }

  #sampleOf(line: RecordedSample): Sample {
    const before = this.#samples.get(line.e);
    const adapters = line.same?.includes("adapters") === true ? before?.adapters : line.adapters;
    const cache = line.same?.includes("cache") === true ? before?.cache : line.cache;
    this.#samples.set(line.e, { ...line, adapters, cache });
    return {
      sampledAtMs: line.atMs,
      waitingRequests: line.waiting,
      runningRequests: line.running,
      runningIsTotal: line.runningIsTotal,
      kvCacheRatio: line.kv,
      adapters: adapters && readAdapters(adapters),
      cacheInfo: cache && readCache(cache),
      ...(line.absent && { absent: line.absent }),
    };
  }
}

function readAdapters({ running, waiting, max }: NonNullable<RecordedSample["adapters"]>): AdapterState {
  return { running: new Set(running), waiting: new Set(waiting), maxAdapters: max ?? undefined };
}

function readCache({ blockSizeTokens, blocks }: NonNullable<RecordedSample["cache"]>): CacheInfo {
  return { blockSizeTokens: blockSizeTokens ?? undefined, blocks: blocks ?? undefined };
}
