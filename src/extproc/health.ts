import type { sendUnaryData, ServerUnaryCall, ServerWritableStream, UntypedServiceImplementation } from "@grpc/grpc-js";

/** What a picker's health is made of. */
export interface HealthState {
  /** The pool's endpoints are known, none included, and the first round of scrapes is over or was given up. */
  readonly isSynced: boolean;
  /** Every configured parser reads the protocol that the pool asks for; a pool that asks for none matches. */
  readonly protocolMatches: boolean;
  /** Every plugin that has to be ready is. */
  readonly pluginsReady: boolean;
  /** The picker is about to stop and wants no new streams, though it takes them. */
  readonly isDraining: boolean;
  /** Its part in a leader election; "none" when there is no election. */
  readonly leader: "none" | "leader" | "follower";
}

/** A picker that starts: it is to be told when the pool is synced. */
export const startingHealth: HealthState = {
  isSynced: false,
  protocolMatches: true,
  pluginsReady: true,
  isDraining: false,
  leader: "none",
};

/** Of `HealthCheckResponse.ServingStatus`. */
export type ServingStatus = "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

/** Names that ask whether requests may be sent here; others ask for less. */
const readinessNames: readonly string[] = ["", "readiness", "envoy.service.ext_proc.v3.ExternalProcessor"];

/** The names that `List` tells. */
export const healthServices: readonly string[] = ["", "liveness", ...readinessNames.slice(1)];

/**
 * The health of one service name (protocol 7.2). Without an election every name is served, and only readiness names wait
 * for plugins. With one, "liveness" is always serving and readiness needs the lead; other names are unknown.
 */
export function servingStatus(service: string, state: HealthState): ServingStatus {
  const isReadiness = readinessNames.includes(service);
  if (state.leader !== "none" && !isReadiness) return service === "liveness" ? "SERVING" : "SERVICE_UNKNOWN";
  const isReady =
    state.isSynced &&
    state.protocolMatches &&
    (state.pluginsReady || !isReadiness) &&
    state.leader !== "follower" &&
    !state.isDraining;
  return isReady ? "SERVING" : "NOT_SERVING";
}

interface HealthRequest {
  readonly service: string;
}

interface Watcher {
  readonly call: ServerWritableStream<HealthRequest, unknown>;
  told: ServingStatus;
}

/** The health of one picker, asked over any number of gRPC servers. */
export class Health {
  /** `grpc.health.v1.Health` for a server. */
  readonly implementation: UntypedServiceImplementation;
  readonly #watchers = new Set<Watcher>();
  #state: HealthState;
  #isClosed = false;
  #leads: (() => boolean) | undefined;

  constructor(state: HealthState = startingHealth) {
    this.#state = state;
    this.implementation = {
      Check: ({ request }: ServerUnaryCall<HealthRequest, unknown>, answer: sendUnaryData<unknown>) =>
        answer(null, { status: this.status(request.service) }),
      List: (_call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>) => {
        const statuses = healthServices.map((name) => [name, { status: this.status(name) }]);
        answer(null, { statuses: Object.fromEntries(statuses) });
      },
      Watch: (call: ServerWritableStream<HealthRequest, unknown>) => this.#watch(call),
    };
  }

  status(service: string): ServingStatus {
    const leads = this.#leads?.();
    if (leads === undefined) return servingStatus(service, this.#state);
    return servingStatus(service, { ...this.#state, leader: leads ? "leader" : "follower" });
  }

  /**
   * From now on there is an election, and `leads` says at every check whether this picker leads: a state that was told before
   * the process was paused may be over (reliability F45b). Call `change` when it changes.
   */
  followLead(leads: () => boolean): void {
    this.#leads = leads;
  }

  /** Takes over what changed and tells those who watch. */
  change(change: Partial<HealthState>): void {
    this.#state = { ...this.#state, ...change };
    for (const watcher of this.#watchers) {
      const status = this.status(watcher.call.request.service);
      if (status === watcher.told) continue;
      watcher.told = status;
      watcher.call.write({ status });
    }
  }

  /** Ends every watch, each after its last status, so that a server can close; later ones end after their first. */
  close(): void {
    this.#isClosed = true;
    for (const { call } of this.#watchers) call.end();
    this.#watchers.clear();
  }

  #watch(call: ServerWritableStream<HealthRequest, unknown>): void {
    const watcher: Watcher = { call, told: this.status(call.request.service) };
    call.write({ status: watcher.told });
    if (this.#isClosed) return void call.end();
    this.#watchers.add(watcher);
    for (const event of ["cancelled", "close", "error"]) call.on(event, () => this.#watchers.delete(watcher));
  }
}
