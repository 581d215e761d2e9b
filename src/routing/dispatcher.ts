import type { CompletionRate } from "../admission/completion-rate.ts";
import type { Endpoint } from "../datastore/endpoint.ts";
import type { InFlightEntry } from "../datastore/in-flight-ledger.ts";
import type { EndpointStore } from "../datastore/store.ts";
import type { TokenEstimator } from "../datastore/token-estimator.ts";
import { type InferenceRequest, withoutPrompt } from "../request/inference-request.ts";
import type { Cycle, EndCause, Follower } from "../scheduling/plugin.ts";
import { loadOf } from "../scheduling/request-load.ts";
import type { SchedulingPlan } from "../scheduling/plan.ts";
import type { HeaderPairs, ReportedUsage, ResponseFacts, ResponseMetadata } from "../scheduling/roles.ts";
import { noteEnded, noteSent, type Picked } from "../scheduling/schedule.ts";
import type { Forward } from "./decision.ts";
import type { Scheduler } from "./scheduler.ts";

/** What following requests takes. */
export interface DispatcherDeps {
  readonly store: EndpointStore;
  readonly scheduler: Scheduler;
  readonly tokens: TokenEstimator;
  /** Told of every request that starts and ends; default: nobody. */
  readonly completions?: CompletionRate;
  /** The host may send a request elsewhere than it was told to; default true. */
  readonly hostMayMove?: boolean;
  /** Hears of everything that happens to requests on their way; default: nobody. */
  readonly observer?: DispatchObserver | undefined;
}

/** Hears of requests on their way. `streamKey` names a request until `released`. */
export interface DispatchObserver {
  /** Right after it was put on its way. */
  dispatched(streamKey: number, picked: Picked): void;
  /** The host sent it to `endpoint` instead. */
  moved(streamKey: number, endpoint: Endpoint): void;
  firstByte(streamKey: number): void;
  completed(streamKey: number, status: number | undefined, usage: ReportedUsage | undefined): void;
  released(streamKey: number, cause: EndCause): void;
}

/** Puts requests on their way into the ledger and into what the producers know. */
export class Dispatcher {
  readonly #deps: DispatcherDeps;
  #streamKey = 0;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
  }

  /** The request of a decision is on its way. */
  dispatch({ picked }: Forward): DispatchedRequest {
    this.#deps.store.noteDecision(picked.endpoints[0], picked.trace.filtered);
    const streamKey = this.#streamKey++;
    const dispatched = new DispatchedRequest(picked, streamKey, this.#deps);
    this.#deps.observer?.dispatched(streamKey, picked);
    return dispatched;
  }
}

/** One request on its way, until `release`: follows it when the host sends it elsewhere. */
export class DispatchedRequest {
  readonly #deps: DispatcherDeps;
  readonly #plan: SchedulingPlan;
  readonly #streamKey: number;
  readonly #request: InferenceRequest;
  /** Kept until the host may have said who serves: it holds the prompt. The rest of the decision holds a snapshot of the pool. */
  #cycle: Cycle | undefined;
  #endpoint: Endpoint;
  #entry: InFlightEntry;
  #followers: Follower[];
  #servedAddress: string | undefined;

  constructor(picked: Picked, streamKey: number, deps: DispatcherDeps) {
    this.#deps = deps;
    this.#plan = deps.scheduler.plan;
    this.#streamKey = streamKey;
    const { cycle } = picked;
    this.#request = withoutPrompt(cycle.request);
    this.#cycle = deps.hostMayMove === false ? undefined : cycle;
    this.#endpoint = picked.endpoints[0];
    this.#entry = this.#open(cycle);
    this.#followers = noteSent(this.#plan, cycle, this.#endpoint);
    deps.completions?.started();
  }

  /** The response's headers are here: `servedAddress` is who serves where the host says so. Returns headers to set on it. */
  responded(servedAddress: string | undefined, status: number | undefined): HeaderPairs {
    this.#servedAddress = servedAddress;
    if (servedAddress !== undefined && !this.#isSentTo(servedAddress)) this.#follow(servedAddress);
    this.#cycle = undefined;
    const facts = this.#facts(status, undefined);
    return this.#plan.responders.flatMap(({ responder }) => responder.headers?.(facts) ?? []);
  }

  /** The first byte of the response's body has come: its prompt is computed. */
  firstByte(): void {
    this.#deps.observer?.firstByte(this.#streamKey);
    this.#deps.store.ledger.noteFirstByte(this.#entry);
    for (const follower of this.#followers) follower.firstByte?.();
  }

  /** The response is complete. Returns metadata for the host. */
  completed(status: number | undefined, usage: ReportedUsage | undefined): ResponseMetadata | undefined {
    this.#deps.observer?.completed(this.#streamKey, status, usage);
    if (usage !== undefined) this.#deps.tokens.learn(this.#request, usage);
    const facts = this.#facts(status, usage);
    const merged: Record<string, Record<string, string | number | boolean>> = {};
    for (const { responder } of this.#plan.responders) {
      for (const [namespace, values] of Object.entries(responder.metadata?.(facts) ?? {})) {
        merged[namespace] = { ...merged[namespace], ...values };
      }
    }
    return Object.keys(merged).length === 0 ? undefined : merged;
  }

  /** It is over; to be called once. */
  release(cause: EndCause): void {
    this.#deps.observer?.released(this.#streamKey, cause);
    this.#deps.store.ledger.close(this.#entry);
    this.#deps.completions?.ended();
    noteEnded(this.#followers.splice(0), cause);
  }

  #isSentTo(address: string): boolean {
    return address === this.#endpoint.address || address === this.#plan.handler.handler.address?.(this.#endpoint);
  }

  #follow(address: string): void {
    const { store } = this.#deps;
    const served = store.snapshot().find((candidate) => candidate.address === address);
    if (served === undefined || this.#cycle === undefined) return;
    this.#deps.observer?.moved(this.#streamKey, served);
    store.ledger.close(this.#entry);
    noteEnded(this.#followers, "moved");
    this.#endpoint = served;
    this.#entry = this.#open(this.#cycle);
    this.#followers = noteSent(this.#plan, this.#cycle, served);
  }

  #open(cycle: Cycle): InFlightEntry {
    const { ledger } = this.#deps.store;
    return ledger.open(this.#streamKey, this.#endpoint, cycle.nowMs, loadOf(cycle, this.#endpoint));
  }

  #facts(status: number | undefined, usage: ReportedUsage | undefined): ResponseFacts {
    return { request: this.#request, endpoint: this.#endpoint, servedAddress: this.#servedAddress, status, usage };
  }
}
