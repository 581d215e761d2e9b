import type { AdapterState, EndpointSpec } from "../../src/datastore/endpoint.ts";
import type { InFlightEntry } from "../../src/datastore/in-flight-ledger.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import type { Random } from "../../src/lib/random.ts";
import { createBodyReader } from "../../src/request/body-reader.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import type { SchedulingPlan } from "../../src/scheduling/plan.ts";
import type { Follower } from "../../src/scheduling/plugin.ts";
import { loadOf } from "../../src/scheduling/request-load.ts";
import { noteDispatched, noteEnded, schedule } from "../../src/scheduling/schedule.ts";
import { Scratch } from "../../src/scheduling/scratch.ts";
import { type LoadRequest, requestBody, requestPath } from "../load/load-request.ts";
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
}

/** The picker's own code in virtual time: its body reader, its datastore with the in-flight ledger, its `schedule`. */
export class PickerRouter implements VirtualRouter {
  readonly #options: PickerRouterOptions;
  readonly #store = new EndpointStore();
  readonly #scratch = new Scratch();
  readonly #specs: readonly EndpointSpec[];
  readonly #open = new Map<number, { readonly entry: InFlightEntry; readonly followers: readonly Follower[] }>();

  constructor(options: PickerRouterOptions) {
    this.#options = options;
    this.#specs = Array.from({ length: options.servers }, (_, i) => specOf(i));
    this.#store.reset(this.#specs);
  }

  route({ id }: PoolRequest, nowMs: number): number {
    const { plan, random, load } = this.#options;
    const request = load[id];
    if (request === undefined) throw new RangeError(`Cannot route request "${id}": not in the load`);
    const context = { plan, random, nowMs, scratch: this.#scratch };
    const decision = schedule(readRequest(request), this.#store.snapshot(nowMs), context);
    if (decision.kind !== "picked") throw new Error(`Cannot route request "${id}": ${decision.kind}`);
    const [endpoint] = decision.endpoints;
    const entry = this.#store.ledger.open(id, endpoint, nowMs, loadOf(decision.cycle, endpoint));
    this.#open.set(id, { entry, followers: noteDispatched(plan, decision) });
    return this.#specs.findIndex((spec) => spec.id === endpoint.id);
  }

  answered({ id }: PoolRequest): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#store.ledger.noteFirstByte(open.entry);
    for (const follower of open.followers) follower.firstByte?.();
  }

  finished({ id }: PoolRequest): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    this.#store.ledger.close(open.entry);
    noteEnded(open.followers, "completed");
  }

  scraped(server: number, load: ReplicaLoad, nowMs: number): void {
    const spec = this.#specs[server];
    if (spec === undefined) return;
    const { blockSizeTokens, kvTokens, maxLoras } = this.#options.config;
    this.#store.announceSample(spec.id, spec.incarnation, nowMs);
    this.#store.putSample(spec.id, spec.incarnation, {
      sampledAtMs: nowMs,
      waitingRequests: load.waiting,
      runningRequests: load.running,
      kvCacheRatio: load.kvCacheRatio,
      adapters: adaptersOf(load, maxLoras),
      cacheInfo: { blockSizeTokens, blocks: Math.floor(kvTokens / blockSizeTokens) },
    });
  }
}

/** Absent until an adapter is loaded, as the family is on vLLM's page. */
function adaptersOf(load: ReplicaLoad, maxAdapters: number): AdapterState | undefined {
  if (load.adapterLoads === 0) return undefined;
  return { running: new Set(load.runningAdapters), waiting: new Set(load.waitingAdapters), maxAdapters };
}

function specOf(index: number): EndpointSpec {
  const [name, port] = [`server-${index}`, 8000 + index];
  const address = `127.0.0.1:${port}`;
  return {
    id: `default/${name}`,
    incarnation: address,
    name,
    namespace: "default",
    host: "127.0.0.1",
    port,
    address,
    labels: {},
  };
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
