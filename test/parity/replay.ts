import { type CompiledConfig, loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { type EndpointSpec, formatAddress } from "../../src/datastore/endpoint.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { TokenEstimator } from "../../src/datastore/token-estimator.ts";
import { ByteBudget } from "../../src/extproc/byte-budget.ts";
import { HeaderList } from "../../src/extproc/header-list.ts";
import { PendingRequest } from "../../src/extproc/pending-request.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { createRandom } from "../../src/lib/random.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import { bodyOf as refusalBodyOf, type Forward, type Reject, statusOf } from "../../src/routing/decision.ts";
import { type DispatchedRequest, Dispatcher } from "../../src/routing/dispatcher.ts";
import { prepare } from "../../src/routing/prepare.ts";
import { routeRequest } from "../../src/routing/route-request.ts";
import { Scheduler } from "../../src/routing/scheduler.ts";
import { createEngines } from "../../src/scrape/engines.ts";
import { createPageParser, type PageParser } from "../../src/scrape/parse.ts";
import { bodyOf, type RecordedCase, type RecordedPod, type RecordedRequest, type RecordedStep } from "./recording.ts";

const tolerance = 1e-9;
/** Time from one step to the next: every step has a fresh sample of every pod whose page can be read. */
const stepMs = 50;

/** Loads the config of a case; throws what is wrong with it. */
function load({ id, config }: RecordedCase): CompiledConfig {
  const loaded = loadConfig(config, {
    file: `${id}.yaml`,
    registry: builtInRegistry,
    allowExperimentalPlugins: false,
    hashKey: 7n,
  });
  if (loaded.kind === "ok") return loaded.config;
  throw new Error(formatProblems(loaded.problems));
}

/**
 * Replays a case: pages through the page parser into the store, bodies through the request reader, decisions through
 * routing. What was learned and what is open follows the recorded destinations. Returns a line for everything that differs
 * from the recording, in order; none when all is equal. `corrections`: signals are corrected between samples and blended when
 * old; every pod is read before every request, so that this changes nothing while no request is open. Default false.
 */
export function replay(
  recorded: RecordedCase,
  options: { readonly corrections: boolean } = { corrections: false },
): readonly string[] {
  const replayed = new Replay(recorded, load(recorded), options.corrections);
  return recorded.steps.flatMap((step) => replayed.take(step));
}

class Replay {
  readonly #config: CompiledConfig;
  readonly #clock = new VirtualClock();
  readonly #store: EndpointStore;
  readonly #scheduler: Scheduler;
  readonly #specs: ReadonlyMap<string, EndpointSpec>;
  readonly #parsers: ReadonlyMap<string, PageParser>;
  readonly #dispatcher: Dispatcher;
  readonly #open = new Map<string, DispatchedRequest>();
  #pods: readonly RecordedPod[];

  constructor({ pods }: RecordedCase, config: CompiledConfig, corrections: boolean) {
    this.#store = new EndpointStore({ corrections });
    this.#config = config;
    this.#pods = pods;
    this.#specs = new Map(pods.map((pod, index) => [pod.name, specOf(pod, index)]));
    this.#store.reset([...this.#specs.values()]);
    const tokens = new TokenEstimator();
    this.#scheduler = new Scheduler({ plan: config.plan, clock: this.#clock, random: createRandom(1), tokens });
    this.#dispatcher = new Dispatcher({ store: this.#store, scheduler: this.#scheduler, tokens });
    const engines = createEngines(config.metrics);
    this.#parsers = new Map(
      Array.from(this.#specs, ([name, spec]) => [name, createPageParser(engines.of(spec))] as const),
    );
  }

  /** Does one step; returns what differs from the recording. */
  take(step: RecordedStep): readonly string[] {
    this.#clock.advance(stepMs);
    switch (step.op) {
      case "request":
        this.#scrape();
        return this.#request(step);
      case "metrics":
        this.#pods = step.pods;
        return [];
      case "first_chunk":
        this.#respond(step.id);
        return [];
      case "finish":
        this.#finish(step.id);
        return [];
      case "cancel":
        this.#take(step.id).release("client-disconnect");
        return [];
    }
  }

  /** Reads the page of every pod; one that does not answer 200 changes nothing. */
  #scrape(): void {
    const sampledAtMs = this.#clock.nowMs();
    for (const { name, metrics, status = 200 } of this.#pods) {
      const { id, incarnation } = this.#spec(name);
      this.#store.announceSample(id, incarnation, sampledAtMs);
      if (status !== 200) continue;
      const page = this.#parsers.get(name)?.(Buffer.from(metrics));
      if (page?.kind !== "page") throw new Error(`Cannot read the page of "${name}": ${page?.detail}`);
      this.#store.putSample(id, incarnation, { ...page.signals, sampledAtMs });
    }
  }

  #request(step: RecordedRequest): readonly string[] {
    const request = readRequest(step, this.#config);
    const decision = request.kind === "reject" ? request : this.#route(step, request);
    const { error, scores = {}, destination } = step;
    if (decision.kind === "reject" || error !== undefined) return compareRefusal(step, decision);
    if (destination === undefined) throw new Error(`Cannot compare request "${step.id}": no destination recorded`);
    const differences = this.#compareScores(step.id, scores, decision, destination);
    this.#follow(step, decision, destination);
    return differences;
  }

  #route({ subset }: RecordedRequest, request: InferenceRequest): Forward | Reject {
    const hint = subset?.map((name) => this.#spec(name).address);
    return routeRequest(
      request,
      hint && { "envoy.lb.subset_hint": { "x-gateway-destination-endpoint-subset": hint } },
      {
        nowMs: () => this.#clock.nowMs(),
        snapshot: (nowMs) => this.#store.snapshot(nowMs),
        schedule: this.#scheduler.schedule.bind(this.#scheduler),
        prepare: (picked) => prepare(this.#scheduler.plan, picked),
        emitScores: true,
      },
    );
  }

  #compareScores(
    id: string,
    recorded: Readonly<Record<string, number | "NaN">>,
    { scores = {} }: Forward,
    destination: string,
  ): readonly string[] {
    const nameOf = new Map(Array.from(this.#specs.values(), ({ address, name }) => [address, name]));
    const ours = new Map(Object.entries(scores).map(([address, score]) => [nameOf.get(address) ?? address, score]));
    const names = [...new Set([...Object.keys(recorded), ...ours.keys()])];
    const differences = names.flatMap((name) => {
      const score = ours.get(name);
      const wanted = recorded[name];
      const isEqual = score !== undefined && wanted !== undefined && Math.abs(score - Number(wanted)) <= tolerance;
      return isEqual ? [] : [`${id} ${name}: score ${score ?? "none"}, recorded ${wanted ?? "none"}`];
    });
    const greatest = Math.max(...ours.values());
    const ofDestination = ours.get(destination) ?? Number.NEGATIVE_INFINITY;
    if (ofDestination < greatest - tolerance) {
      differences.push(`${id} ${destination}: recorded destination, score ${ofDestination} below ${greatest}`);
    }
    return differences;
  }

  /** Puts the request on its way to the recorded destination in place of the one picked. */
  #follow({ id, hold = false }: RecordedRequest, decision: Forward, destination: string): void {
    const endpoint = this.#store.snapshot().find(({ name }) => name === destination);
    if (endpoint === undefined) throw new Error(`Cannot follow request "${id}": no pod "${destination}"`);
    const picked = { ...decision.picked, endpoints: [endpoint] } as const;
    this.#open.set(id, this.#dispatcher.dispatch({ ...decision, picked }));
    if (hold) return;
    this.#respond(id);
    this.#finish(id);
  }

  #respond(id: string): void {
    const request = this.#take(id);
    request.responded(undefined, 200);
    request.firstByte();
    this.#open.set(id, request);
  }

  /** Ends a request without usage: learning from it has no counterpart in the recording. */
  #finish(id: string): void {
    const request = this.#take(id);
    request.completed(200, undefined);
    request.release("completed");
  }

  #take(id: string): DispatchedRequest {
    const request = this.#open.get(id);
    if (request === undefined) throw new Error(`Cannot go on with request "${id}": it is not open`);
    this.#open.delete(id);
    return request;
  }

  #spec(name: string): EndpointSpec {
    const spec = this.#specs.get(name);
    if (spec === undefined) throw new Error(`Cannot find pod "${name}": not in the case`);
    return spec;
  }
}

function specOf({ name, labels = {} }: RecordedPod, index: number): EndpointSpec {
  const [host, port] = [`10.0.0.${index + 1}`, 8000];
  const address = formatAddress(host, port);
  return { id: `default/${name}`, incarnation: `${name}-1`, name, namespace: "default", host, port, address, labels };
}

function readRequest(step: RecordedRequest, { parsers, plan }: CompiledConfig): InferenceRequest | Reject {
  const headers = new HeaderList();
  headers.add(":method", Buffer.from("POST"));
  headers.add(":path", Buffer.from(step.path));
  headers.add("x-request-id", Buffer.from(step.id));
  const body = bodyOf(step);
  const pending = PendingRequest.start(headers, {
    maxBytes: body.length,
    budget: new ByteBudget(body.length),
    parsers,
    pluginHeaders: plan.requestHeaders,
    priorityOf: () => 0,
    rewriteModel: () => undefined,
    newRequestId: () => step.id,
  });
  if (pending.kind === "reject") return pending;
  const complete = pending.append(body) ?? pending.complete();
  return complete.kind === "reject" ? complete : complete.request;
}

function compareRefusal({ id, error }: RecordedRequest, decision: Forward | Reject): readonly string[] {
  const ours = decision.kind === "reject" ? `${statusOf(decision)} ${refusalBodyOf(decision)}` : "forwarded";
  return ours === error ? [] : [`${id}: ${ours}, recorded ${error ?? "forwarded"}`];
}
