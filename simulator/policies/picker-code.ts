import { admit } from "../../src/admission/admit.ts";
import type { CacheInfo, EndpointSpec } from "../../src/datastore/endpoint.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { TokenEstimator } from "../../src/datastore/token-estimator.ts";
import type { Random } from "../../src/lib/random.ts";
import { ToldClock } from "../../src/lib/told-clock.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import { type DispatchedRequest, Dispatcher } from "../../src/routing/dispatcher.ts";
import { prepare } from "../../src/routing/prepare.ts";
import { type RoutingDeps, routeRequest } from "../../src/routing/route-request.ts";
import { Scheduler } from "../../src/routing/scheduler.ts";
import type { SchedulingPlan } from "../../src/scheduling/plan.ts";
import type { ReplicaLoad } from "../replica/load.ts";
import { replicaSpec, shownAdapters } from "./replica-endpoint.ts";
import {
  type Ending,
  type PickerInstance,
  type PickerReplica,
  type PickerSetup,
  refused,
  type Sampling,
  type VisibleRequest,
} from "./policy.ts";

/** What the picker's code is run with. */
export interface PickerCodeSetup extends PickerSetup {
  readonly plan: SchedulingPlan;
  readonly corrections: boolean;
}

/** Bytes of text that stand for a token where only tokens are known (protocol 3.3). */
const bytesPerToken = 4;
/** Nobody asks when to try again. */
const noCompletions = { perSecond: (): undefined => undefined };
const noPrompt = new Uint8Array(0);
const noSegments: readonly number[] = [];
const noHeaders = {};

/** The picker's own code in virtual time: its datastore, ledger, admission, routing, scheduling and dispatching. */
export class PickerCode implements PickerInstance {
  readonly sampling: Sampling;
  readonly #store: EndpointStore;
  readonly #dispatcher: Dispatcher;
  readonly #routing: RoutingDeps;
  readonly #specs: readonly EndpointSpec[];
  readonly #caches: readonly CacheInfo[];
  readonly #replicas: readonly PickerReplica[];
  /** By id, of those that are there. */
  readonly #indexOf: Map<string, number>;
  readonly #open = new Map<number, DispatchedRequest>();
  readonly #clock = new ToldClock();
  #random: Random = () => 0;

  constructor({ plan, corrections, replicas, present }: PickerCodeSetup) {
    // Without corrections a sample leaves nothing behind once the next one is there.
    this.sampling = corrections ? "every" : "newest";
    this.#replicas = replicas;
    this.#specs = replicas.map(({ replica, number }) => replicaSpec(replica, number));
    this.#caches = replicas.map(({ config: { blockSizeTokens, kvTokens } }) => ({
      blockSizeTokens,
      blocks: Math.floor(kvTokens / blockSizeTokens),
    }));
    this.#indexOf = new Map(present.map((i) => [this.#specOf(i).id, i]));
    const store = new EndpointStore({ corrections });
    store.reset(present.map((i) => this.#specOf(i)));
    this.#store = store;
    const tokens = new TokenEstimator();
    const scheduler = new Scheduler({ plan, clock: this.#clock, random: () => this.#random(), tokens });
    store.onRemoved(({ id }) => scheduler.forget(id));
    this.#dispatcher = new Dispatcher({ store, scheduler, tokens, hostMayMove: false });
    this.#routing = {
      nowMs: () => this.#clock.nowMs(),
      snapshot: (nowMs) => store.snapshot(nowMs),
      admit: (request, candidates) =>
        admit(request, candidates, { detector: plan.detector?.detector, completions: noCompletions }),
      schedule: scheduler.schedule.bind(scheduler),
      prepare: (picked) => prepare(plan, picked),
    };
  }

  joined(replica: number, nowMs: number): void {
    const spec = this.#specOf(replica);
    // The store knows no clock: who joins, joins at the newest time that it was told.
    this.#store.snapshot(nowMs);
    this.#store.upsert(spec);
    this.#indexOf.set(spec.id, replica);
  }

  left(replica: number): void {
    this.#store.remove(this.#specOf(replica).id);
  }

  asked(replica: number, nowMs: number): void {
    const { id, incarnation } = this.#specOf(replica);
    this.#store.announceSample(id, incarnation, nowMs);
  }

  sampled(replica: number, askedAtMs: number, load: ReplicaLoad): void {
    const { id, incarnation } = this.#specOf(replica);
    this.#store.putSample(id, incarnation, {
      sampledAtMs: askedAtMs,
      waitingRequests: load.waiting,
      runningRequests: load.running,
      kvCacheRatio: load.kvCacheRatio,
      adapters: shownAdapters(load, (this.#replicas[replica] as PickerReplica).config.maxLoras),
      cacheInfo: this.#caches[replica],
    });
  }

  pick(request: VisibleRequest, nowMs: number): number {
    this.#clock.tell(nowMs);
    this.#random = request.random();
    const decision = routeRequest(toInferenceRequest(request), undefined, this.#routing, nowMs);
    if (decision.kind === "reject") return refused;
    this.#open.set(request.row, this.#dispatcher.dispatch(decision));
    return this.#indexOf.get(decision.picked.endpoints[0].id) as number;
  }

  answered(row: number, _replica: number, nowMs: number): void {
    this.#clock.tell(nowMs);
    this.#open.get(row)?.firstByte();
  }

  ended(row: number, _replica: number, nowMs: number, ending: Ending): void {
    this.#clock.tell(nowMs);
    this.#open.get(row)?.release(ending);
    this.#open.delete(row);
  }

  #specOf(replica: number): EndpointSpec {
    return this.#specs[replica] as EndpointSpec;
  }
}

function toInferenceRequest(request: VisibleRequest): InferenceRequest {
  const { row, model, promptTokens, maxOutputTokens, priority } = request;
  return {
    kind: "completions",
    model,
    targetModel: model,
    streaming: true,
    maxOutputTokens,
    prompt: noPrompt,
    promptChain: request.promptChain(),
    promptBytes: promptTokens * bytesPerToken,
    segments: noSegments,
    cacheSalt: "",
    objective: "",
    priority,
    headers: noHeaders,
    fairnessId: "",
    requestId: `${row}`,
  };
}
