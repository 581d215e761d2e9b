import type { ReplicaLoad } from "../replica/load.ts";
import { createReplica, type Replica } from "../replica/replica.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import type { ReplicaRequest } from "../replica/sequence.ts";

/** A request with its arrival, as a replica takes it; `id` is its place in the load. */
export interface PoolRequest extends ReplicaRequest {
  readonly arrivalMs: number;
}

/** Chooses where requests go, knowing only what it is told. */
export interface VirtualRouter {
  /** Index of the server that gets the request. */
  route(request: PoolRequest, nowMs: number): number;
  /** The first token of a request has left `server`. */
  answered?(request: PoolRequest, server: number, nowMs: number): void;
  /** The last token of a request has left `server`. */
  finished?(request: PoolRequest, server: number, nowMs: number): void;
  /** Called every `scrapeMs` for every server, with its state at the end of its last step. */
  scraped?(server: number, load: ReplicaLoad, nowMs: number): void;
}

/** How one request fared; times in ms from the start. */
export interface Served {
  readonly server: number;
  firstTokenMs: number;
  lastTokenMs: number;
}

/** What a run gives. */
export interface PoolRun {
  /** `served[i]` belongs to request i. */
  readonly served: readonly Served[];
  /** State of every server at the end. */
  readonly loads: readonly ReplicaLoad[];
}

interface Server {
  readonly replica: Replica;
  /** End of the step under way, or when there is something to do; Infinity when there is nothing. */
  nextMs: number;
  inStep: boolean;
  atLastStep: ReplicaLoad;
  nextScrapeMs: number;
}

/**
 * Runs a load over `servers` replicas in virtual time until the last token. `requests` is in order of arrival. Every
 * `scrapeMs` (default never) the router learns the state of each server, one after another, evenly spread over the interval.
 */
export function runVirtualPool(
  requests: readonly PoolRequest[],
  pool: { readonly config: ReplicaConfig; readonly servers: number; readonly scrapeMs?: number },
  router: VirtualRouter,
): PoolRun {
  return new VirtualPool(requests, pool, router).run();
}

class VirtualPool {
  readonly #requests: readonly PoolRequest[];
  readonly #router: VirtualRouter;
  readonly #servers: readonly Server[];
  readonly #scrapeMs: number;
  readonly #served: Served[] = [];
  #next = 0;
  #unfinished: number;

  constructor(
    requests: readonly PoolRequest[],
    pool: { readonly config: ReplicaConfig; readonly servers: number; readonly scrapeMs?: number },
    router: VirtualRouter,
  ) {
    this.#requests = requests;
    this.#router = router;
    this.#unfinished = requests.length;
    this.#scrapeMs = pool.scrapeMs ?? Number.POSITIVE_INFINITY;
    this.#servers = Array.from({ length: pool.servers }, (_, i) => {
      const replica = createReplica(pool.config);
      const nextScrapeMs = pool.scrapeMs === undefined ? Number.POSITIVE_INFINITY : (i * pool.scrapeMs) / pool.servers;
      return { replica, nextMs: Number.POSITIVE_INFINITY, inStep: false, atLastStep: replica.load(), nextScrapeMs };
    });
  }

  run(): PoolRun {
    while (this.#unfinished > 0) this.#advance();
    return { served: this.#served, loads: this.#servers.map(({ replica }) => replica.load()) };
  }

  /** Handles what comes next: at equal times steps end first, then scrapes, then arrivals. */
  #advance(): void {
    const arrival = this.#requests[this.#next];
    let [atMs, stepping, scraped]: [number, number, number] = [arrival?.arrivalMs ?? Number.POSITIVE_INFINITY, -1, -1];
    for (const [i, { nextScrapeMs }] of this.#servers.entries())
      if (nextScrapeMs <= atMs) [atMs, scraped] = [nextScrapeMs, i];
    for (const [i, { nextMs }] of this.#servers.entries()) if (nextMs <= atMs) [atMs, stepping] = [nextMs, i];
    if (stepping >= 0) this.#step(stepping, atMs);
    else if (scraped >= 0) this.#scrape(scraped, atMs);
    else if (arrival !== undefined) this.#arrive(arrival);
    else throw new Error(`Cannot finish ${this.#unfinished} requests: no server has anything to do`);
  }

  #arrive(request: PoolRequest): void {
    this.#next++;
    const index = this.#router.route(request, request.arrivalMs);
    const server = this.#server(index);
    this.#served.push({ server: index, firstTokenMs: Number.NaN, lastTokenMs: Number.NaN });
    server.replica.submit(request, request.arrivalMs);
    if (!server.inStep) this.#start(server, request.arrivalMs);
  }

  #step(index: number, nowMs: number): void {
    const server = this.#server(index);
    if (server.inStep) {
      for (const { kind, id, isLast } of server.replica.finishStep()) {
        if (kind === "token") this.#emitted(index, id, isLast, nowMs);
      }
      server.inStep = false;
      server.atLastStep = server.replica.load();
    }
    this.#start(server, nowMs);
  }

  #start(server: Server, nowMs: number): void {
    const endMs = server.replica.startStep(nowMs);
    server.inStep = endMs !== undefined;
    server.nextMs = endMs ?? server.replica.wakeAtMs() ?? Number.POSITIVE_INFINITY;
  }

  #emitted(server: number, id: number, isLast: boolean, nowMs: number): void {
    const served = this.#served[id];
    const request = this.#requests[id];
    if (served === undefined || request === undefined) throw new RangeError(`Cannot finish request "${id}": unknown`);
    if (Number.isNaN(served.firstTokenMs)) {
      served.firstTokenMs = nowMs;
      this.#router.answered?.(request, server, nowMs);
    }
    if (!isLast) return;
    served.lastTokenMs = nowMs;
    this.#unfinished--;
    this.#router.finished?.(request, server, nowMs);
  }

  #scrape(index: number, nowMs: number): void {
    const server = this.#server(index);
    this.#router.scraped?.(index, server.atLastStep, nowMs);
    server.nextScrapeMs += this.#scrapeMs;
  }

  #server(index: number): Server {
    const server = this.#servers[index];
    if (server === undefined)
      throw new RangeError(`Cannot route to server "${index}": expected 0 to ${this.#servers.length - 1}`);
    return server;
  }
}
