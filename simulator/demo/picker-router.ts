import type { EndpointSpec } from "../../src/datastore/endpoint.ts";
import { EndpointStore, type StoreOptions } from "../../src/datastore/store.ts";
import { TokenEstimator } from "../../src/datastore/token-estimator.ts";
import type { Random } from "../../src/lib/random.ts";
import { ToldClock } from "../../src/lib/told-clock.ts";
import { createBodyReader } from "../../src/request/body-reader.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import { type DispatchedRequest, Dispatcher } from "../../src/routing/dispatcher.ts";
import { routeRequest } from "../../src/routing/route-request.ts";
import { Scheduler } from "../../src/routing/scheduler.ts";
import type { SchedulingPlan } from "../../src/scheduling/plan.ts";
import { type LoadRequest, requestBody, requestPath } from "../load/load-request.ts";
import { replicaSpec, shownAdapters } from "../policies/replica-endpoint.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import type { ReplicaLoad } from "../replica/load.ts";
import type { PoolRequest, VirtualRouter } from "./virtual-pool.ts";

/** What the picker is rehearsed with. */
export interface PickerRouterOptions {
  readonly plan: SchedulingPlan;
  readonly random: Random;
  readonly servers: number;
  readonly config: ReplicaConfig;
  /** `load[i]` is request i as the client sends it. */
  readonly load: readonly LoadRequest[];
  readonly signals?: StoreOptions;
  /** What a scrape of `server` shows instead of its state; undefined: the scrape fails. Default: its state. */
  readonly page?: (server: number, load: ReplicaLoad, nowMs: number) => ReplicaLoad | undefined;
  /** When a server joins the pool; default 0 for all. */
  readonly joinsAtMs?: (server: number) => number;
}

/** The picker's own code in virtual time: its body reader, datastore, ledger, routing and dispatching. */
export class PickerRouter implements VirtualRouter {
  readonly #options: PickerRouterOptions;
  readonly #store: EndpointStore;
  readonly #scheduler: Scheduler;
  readonly #dispatcher: Dispatcher;
  readonly #specs: readonly EndpointSpec[];
  readonly #open = new Map<number, DispatchedRequest>();
  readonly #clock = new ToldClock();

  constructor(options: PickerRouterOptions) {
    const { plan, random, servers, signals, joinsAtMs } = options;
    this.#options = options;
    this.#store = new EndpointStore(signals);
    this.#specs = Array.from({ length: servers }, (_, i) => replicaSpec(i));
    this.#store.reset(this.#specs.filter((_, i) => (joinsAtMs?.(i) ?? 0) <= 0));
    const tokens = new TokenEstimator();
    this.#scheduler = new Scheduler({ plan, clock: this.#clock, random, tokens });
    this.#dispatcher = new Dispatcher({ store: this.#store, scheduler: this.#scheduler, tokens });
  }

  route({ id }: PoolRequest, nowMs: number): number {
    this.#clock.tell(nowMs);
    const request = this.#options.load[id];
    if (request === undefined) throw new RangeError(`Cannot route request "${id}": not in the load`);
    const decision = routeRequest(readRequest(request), undefined, {
      nowMs: () => nowMs,
      snapshot: () => this.#store.snapshot(nowMs),
      schedule: this.#scheduler.schedule.bind(this.#scheduler),
    });
    if (decision.kind === "reject") throw new Error(`Cannot route request "${id}": ${decision.message}`);
    this.#open.set(id, this.#dispatcher.dispatch(decision));
    const [endpoint] = decision.picked.endpoints;
    return this.#specs.findIndex((spec) => spec.id === endpoint.id);
  }

  answered({ id }: PoolRequest, _server: number, nowMs: number): void {
    this.#clock.tell(nowMs);
    this.#open.get(id)?.firstByte();
  }

  finished({ id }: PoolRequest, _server: number, nowMs: number): void {
    this.#clock.tell(nowMs);
    this.#open.get(id)?.release("completed");
    this.#open.delete(id);
  }

  scraped(server: number, load: ReplicaLoad, nowMs: number): void {
    const { config, page, joinsAtMs } = this.#options;
    const spec = this.#specs[server];
    if (spec === undefined || (joinsAtMs?.(server) ?? 0) > nowMs) return;
    this.#clock.tell(nowMs);
    // Joins when it is seen for the first time.
    if (this.#store.find(spec.id, spec.incarnation) === undefined) this.#store.upsert(spec);
    const { blockSizeTokens, kvTokens, maxLoras } = config;
    this.#store.announceSample(spec.id, spec.incarnation, nowMs);
    const shown = page === undefined ? load : page(server, load, nowMs);
    if (shown === undefined) return;
    this.#store.putSample(spec.id, spec.incarnation, {
      sampledAtMs: nowMs,
      waitingRequests: shown.waiting,
      runningRequests: shown.running,
      kvCacheRatio: shown.kvCacheRatio,
      adapters: shownAdapters(shown, maxLoras),
      cacheInfo: { blockSizeTokens, blocks: Math.floor(kvTokens / blockSizeTokens) },
    });
  }
}

function readRequest(request: LoadRequest): InferenceRequest {
  const reader = createBodyReader(requestPath(request));
  reader.push(Buffer.from(requestBody(request)));
  const body = reader.end();
  if (body.kind === "invalid") throw new TypeError(`Cannot read request "${request.id}": ${body.message}`);
  const { api, model, streaming, maxOutputTokens, prompt, promptBytes, segments, cacheSalt } = body;
  return {
    kind: api,
    model,
    targetModel: model,
    streaming,
    maxOutputTokens,
    prompt,
    promptBytes,
    segments,
    cacheSalt,
    objective: "",
    priority: 0,
    headers: {},
    fairnessId: "",
    requestId: `${request.id}`,
  };
}
