import { loadConfig } from "../src/config/load.ts";
import { builtInRegistry } from "../src/config/registry.ts";
import type { EndpointSpec } from "../src/datastore/endpoint.ts";
import { EndpointStore } from "../src/datastore/store.ts";
import { TokenEstimator } from "../src/datastore/token-estimator.ts";
import { ByteBudget } from "../src/extproc/byte-budget.ts";
import type { Dispatched, ExchangeDeps } from "../src/extproc/exchange.ts";
import { defaultLimits, type ExchangeLimits } from "../src/extproc/limits.ts";
import type { ExchangeObserver } from "../src/extproc/observer.ts";
import { ReceivingSweep } from "../src/extproc/receiving-sweep.ts";
import { createRandom } from "../src/lib/random.ts";
import { VirtualClock } from "../src/lib/virtual-clock.ts";
import { requestParsers } from "../src/request/apis.ts";
import type { InferenceRequest } from "../src/request/inference-request.ts";
import { Dispatcher } from "../src/routing/dispatcher.ts";
import { routeRequest } from "../src/routing/route-request.ts";
import { Scheduler } from "../src/routing/scheduler.ts";

const loaded = loadConfig(undefined, {
  file: "default",
  registry: builtInRegistry,
  allowExperimentalPlugins: false,
  hashKey: 1n,
});
if (loaded.kind === "invalid") throw new Error("Cannot load the default config: it has problems, expected none");
/** One for all cases: a plan takes longer to make than a case to run, and what its producers learn decides no promise. */
const { plan } = loaded.config;

const policy = {
  parsers: requestParsers.map(({ type }) => type),
  pluginHeaders: [],
  priorityOf: () => 0,
  rewriteModel: () => undefined,
};

/** Thrown by the decision of a world that was told to; stands for any error of ours. */
export class PlannedError extends Error {
  override readonly name = "PlannedError";
}

/** Everything a server of ours has besides gRPC: real routing, store, ledger and budget over virtual time. */
export class World {
  readonly clock = new VirtualClock();
  readonly store = new EndpointStore();
  readonly budget: ByteBudget;
  readonly deps: ExchangeDeps;
  /** Open streams and running requests, as their gauges count them. */
  gauges = { streams: 0, running: 0, dispatched: 0 };
  #routed: InferenceRequest | undefined;
  completions = 0;
  /** The next decision throws. */
  isBroken = false;

  constructor(seed: number, limits: Partial<ExchangeLimits>) {
    const all = { ...defaultLimits, ...limits };
    this.budget = new ByteBudget(all.bufferedBytes);
    const { clock, store } = this;
    const tokens = new TokenEstimator();
    const scheduler = new Scheduler({ plan, clock, random: createRandom(seed), tokens });
    const dispatcher = new Dispatcher({ store, scheduler, tokens });
    store.onRemoved(({ id }) => scheduler.forget(id));
    let ids = 0;
    this.deps = {
      clock,
      limits: all,
      budget: this.budget,
      sweep: new ReceivingSweep(clock),
      observer: this.#observer(),
      newRequestId: () => `made-${ids++}`,
      policy: () => policy,
      route: (request, metadata) => {
        if (this.isBroken) {
          this.isBroken = false;
          throw new PlannedError("planned");
        }
        const schedule = scheduler.schedule.bind(scheduler);
        const decision = routeRequest(request, metadata, {
          nowMs: () => clock.nowMs(),
          snapshot: (nowMs) => store.snapshot(nowMs),
          schedule,
        });
        if (decision.kind === "forward") this.#routed = request;
        return decision;
      },
      dispatched: (decision) => this.#count(dispatcher.dispatch(decision)),
    };
  }

  /** The request that was routed since the last call. */
  takeRouted(): InferenceRequest | undefined {
    const routed = this.#routed;
    this.#routed = undefined;
    return routed;
  }

  /** Makes the pool the first `size` of its endpoints. */
  resize(size: number): void {
    this.store.reset(Array.from({ length: size }, (_, index) => endpointSpec(index)));
  }

  #count(dispatched: Dispatched): Dispatched {
    this.gauges.dispatched++;
    return {
      responded: (served, status) => dispatched.responded(served, status),
      firstByte: () => dispatched.firstByte(),
      completed: (status, usage) => dispatched.completed(status, usage),
      release: (cause) => {
        this.gauges.dispatched--;
        dispatched.release(cause);
      },
    };
  }

  #observer(): ExchangeObserver {
    return {
      streamOpened: () => this.gauges.streams++,
      streamClosed: () => this.gauges.streams--,
      illegalMessage: () => {},
      degradedPick: () => {},
      routed: () => this.gauges.running++,
      rejected: () => {},
      chunk: () => {},
      completed: () => this.completions++,
      closed: () => this.gauges.running--,
    };
  }
}

/** Endpoint `index` of every pool; the first two share an address with two ports, the fourth has IPv6. */
export function endpointSpec(index: number): EndpointSpec {
  const host = index < 2 ? "10.0.0.1" : index === 3 ? "fd00::1" : `10.0.0.${index}`;
  const port = 8000 + index;
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const [name, namespace] = [`server-${index}`, "default"];
  return { id: `${namespace}/${name}`, incarnation: `${name}-1`, name, namespace, host, port, address, labels: {} };
}
