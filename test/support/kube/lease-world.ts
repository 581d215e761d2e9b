import { setImmediate } from "node:timers/promises";
import type { ApiReply, ApiRequest, ApiServer } from "../../../src/discovery/kubernetes/api-server.ts";
import { ConnectionFailure } from "../../../src/discovery/kubernetes/connection-failure.ts";
import { defaultElectionTiming, type ElectionTiming } from "../../../src/discovery/kubernetes/election-timing.ts";
import {
  type ElectionObserver,
  type ElectionOptions,
  LeaderElection,
} from "../../../src/discovery/kubernetes/leader-election.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { VirtualClock } from "../../../src/lib/virtual-clock.ts";
import { ObjectStore, StoreError } from "./object-store.ts";
import { type KubeObject, targetOf } from "./resources.ts";

/** A process' own clock: another zero, another speed, another wall time; while it is paused no timer of it fires. */
export class ProcessClock implements Clock {
  isPaused = false;
  readonly #base: VirtualClock;
  readonly #traits: ClockTraits;
  readonly #overdue: (() => void)[] = [];

  constructor(base: VirtualClock, traits: ClockTraits) {
    this.#base = base;
    this.#traits = traits;
  }

  nowMs(): number {
    return this.#traits.offsetMs + this.#base.nowMs() * this.#traits.speed;
  }

  wallMs(): number {
    return this.#traits.wallMs + this.nowMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    let isCancelled = false;
    const call = (): void => {
      if (!isCancelled) callback();
    };
    const cancel = this.#base.after(Math.max(0, delayMs) / this.#traits.speed, () => {
      if (this.isPaused) this.#overdue.push(call);
      else call();
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  get speed(): number {
    return this.#traits.speed;
  }

  resume(): void {
    this.isPaused = false;
    for (const call of this.#overdue.splice(0)) call();
  }
}

/** How a process' clock differs. */
export interface ClockTraits {
  readonly offsetMs: number;
  /** Its milliseconds in one of the world's. */
  readonly speed: number;
  readonly wallMs: number;
}

/** What the way to the API server does to a candidate. */
export interface Network {
  /** No request arrives; the candidate waits in vain. */
  isCut: boolean;
  /** Requests arrive and answers are lost. */
  losesReplies: boolean;
  /** Time from a request to its effect, and again to its answer. */
  latencyMs: number;
  /** Answered with this status instead, by method; undefined: none. */
  status: Partial<Record<ApiRequest["method"], number>>;
}

/** One candidate with what a test can do to it. */
export interface Candidate {
  readonly name: string;
  readonly election: LeaderElection;
  readonly clock: ProcessClock;
  readonly network: Network;
  /** What its observer was told: "led", "lost:why", "follows:who", "failed:reason". */
  readonly told: string[];
}

/** Candidates around one Lease in virtual time. */
export class LeaseWorld {
  readonly clock = new VirtualClock(1_700_000_000_000);
  readonly store = new ObjectStore();
  readonly candidates: Candidate[] = [];
  /** Methods of the requests that arrived. */
  readonly requests: string[] = [];
  readonly #timing: ElectionTiming;

  constructor(timing: ElectionTiming = defaultElectionTiming) {
    this.#timing = timing;
  }

  /** Adds a candidate that is not started yet. */
  add(name: string, traits: Partial<ClockTraits> = {}, options: Partial<ElectionOptions> = {}): Candidate {
    const clock = new ProcessClock(this.clock, { offsetMs: 0, speed: 1, wallMs: 1_700_000_000_000, ...traits });
    const network: Network = { isCut: false, losesReplies: false, latencyMs: 0, status: {} };
    const told: string[] = [];
    const observer: ElectionObserver = {
      led: () => told.push("led"),
      lost: (why) => told.push(`lost:${why}`),
      follows: (holder) => told.push(`follows:${holder}`),
      failed: (reason) => told.push(`failed:${reason}`),
    };
    const election = new LeaderElection({
      api: this.#apiFor(clock, network),
      namespace: "ns",
      name: "epp-ns-pool.llm-d.ai",
      identity: name,
      timing: this.#timing,
      clock,
      random: createRandom(this.candidates.length + 1),
      observer,
      ...options,
    });
    const candidate = { name, election, clock, network, told };
    this.candidates.push(candidate);
    return candidate;
  }

  /** Names of those that lead by their own judgement; a paused process judges nothing. */
  leaders(): string[] {
    return this.candidates.filter(({ clock, election }) => !clock.isPaused && election.leads).map(({ name }) => name);
  }

  /** Moves time on in steps of 50 ms, with everything that follows; `each` is called after every step. */
  async advance(ms: number, each: () => void = () => {}): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 50) {
      this.clock.advance(Math.min(50, ms - passedMs));
      for (let turn = 0; turn < 4; turn++) await setImmediate();
      each();
    }
  }

  /** Ends a candidate, with the time that this takes. */
  async end({ election }: Candidate): Promise<void> {
    let isClosed = false;
    const closed = election.close().then(() => {
      isClosed = true;
    });
    while (!isClosed) await this.advance(50);
    await closed;
  }

  #apiFor(clock: ProcessClock, network: Network): ApiServer {
    return {
      url: "http://127.0.0.1:1",
      ask: (request) => this.#ask(request, clock, network),
      watch: () => Promise.reject(new Error("an election does not watch")),
      close: () => {},
    };
  }

  #ask(request: ApiRequest, clock: ProcessClock, network: Network): Promise<ApiReply> {
    return new Promise((resolve, reject) => {
      const { signal } = request;
      const settle = (end: () => void) => (): void => {
        cancelTimeout();
        signal?.removeEventListener("abort", abort);
        end();
      };
      const fail = (reason: "timeout" | "aborted"): (() => void) =>
        settle(() => reject(new ConnectionFailure(reason, reason)));
      const abort = fail("aborted");
      const cancelTimeout = clock.after(request.timeoutMs, fail("timeout"));
      signal?.addEventListener("abort", abort);
      this.clock.after(network.latencyMs, () => {
        if (network.isCut) return;
        this.requests.push(request.method);
        const status = network.status[request.method];
        const reply = structuredClone(status === undefined ? answer(this.store, request) : { status, body: undefined });
        if (network.losesReplies) return;
        clock.after(
          network.latencyMs * clock.speed,
          settle(() => resolve(reply)),
        );
      });
    });
  }
}

function answer(store: ObjectStore, { method, path, body }: ApiRequest): ApiReply {
  const target = targetOf(path);
  if (target === undefined) return { status: 404, body: undefined };
  try {
    if (method === "POST") return { status: 201, body: store.create(body as KubeObject) };
    if (method === "PUT") return { status: 200, body: store.replace(body as KubeObject) };
    const found = store.get(target.resource, target.namespace, target.name);
    return { status: found === undefined ? 404 : 200, body: found };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { status: error.status, body: { reason: error.reason } };
  }
}
