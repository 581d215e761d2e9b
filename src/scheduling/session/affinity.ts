import type { Endpoint } from "../../datastore/endpoint.ts";
import { assertNever } from "../../lib/assert-never.ts";
import type { Cycle, PluginEnvironment, Producer } from "../plugin.ts";
import type { Responder } from "../roles.ts";
import { type AffinityParameters, type SessionSource, sessionIdProducerType } from "./affinity-parameters.ts";
import { readSessionId, SessionId } from "./session-id.ts";
import { SessionTable } from "./session-table.ts";
import { decodeSessionToken, encodeSessionToken } from "./session-token.ts";

/** Sessions that one plugin remembers: some 40 MB at most, with identifiers of the greatest length. */
const maxSessions = 65_536;

/** Where a session wants to go; a filter or scorer of the same plugin looks for it among its candidates. */
interface Pin {
  /** undefined: this request has no session. */
  readonly session: string | undefined;
  /** Endpoint that the session is bound to; undefined: none. */
  readonly id: string | undefined;
  /** Life of that endpoint; undefined: any. */
  readonly incarnation: string | undefined;
  /** The endpoint was among the candidates of the filter or scorer. */
  isPresent: boolean;
}

/** What filter and scorer share: finding the pinned endpoint, learning where sessions go, telling clients. */
export interface SessionAffinity {
  readonly producer: Producer;
  readonly responder: Responder;
  /** Index of the pinned endpoint among `candidates`; -1 when there is none, undefined when the request has no session. */
  readonly find: (cycle: Cycle, candidates: readonly Endpoint[]) => number | undefined;
}

/** Makes the part that filter and scorer share, for the strategy of the parameters (protocol 3.1, 6.4). */
export function createAffinity(given: AffinityParameters, environment: PluginEnvironment): SessionAffinity {
  const { name } = environment;
  const find = ({ produced }: Cycle, candidates: readonly Endpoint[]): number | undefined => {
    const pin = produced.get(name) as Pin | undefined;
    if (pin?.id === undefined) return pin?.session === undefined ? undefined : -1;
    const index = candidates.findIndex(
      ({ id, incarnation }) => id === pin.id && incarnation === (pin.incarnation ?? incarnation),
    );
    if (index >= 0) pin.isPresent = true;
    return index;
  };
  switch (given.strategy) {
    case "encoded_endpoint_header":
      return { find, ...byToken(given.encodedEndpointHeaderConfig.header.toLowerCase()) };
    case "session_id":
      return { find, producer: new BoundSessions(given.sessionIdConfig, environment), responder: {} };
    default:
      return assertNever(given.strategy);
  }
}

/** The client carries the endpoint: nothing is remembered here. */
function byToken(header: string): Omit<SessionAffinity, "find"> {
  return {
    producer: {
      produce: ({ request }): Pin => {
        const id = decodeSessionToken(request.headers[header] ?? "");
        return { session: id, id, incarnation: undefined, isPresent: false };
      },
    },
    responder: { headers: ({ endpoint }) => [[header, encodeSessionToken(endpoint)]] },
  };
}

/** Sessions are bound to the endpoint that their first request went to, and to another when that one is gone. */
class BoundSessions implements Producer {
  readonly #name: string;
  readonly #sources: readonly ((cycle: Cycle) => string | undefined)[];
  readonly #ttlMs: number;
  readonly #sweepMs: number;
  #table = new SessionTable(maxSessions);

  constructor(given: AffinityParameters["sessionIdConfig"], environment: PluginEnvironment) {
    this.#name = environment.name;
    this.#sources = given.sources.map((source) => readerOf(source, environment));
    this.#ttlMs = given.evictionTtlSeconds * 1000;
    this.#sweepMs = given.evictionSweepSeconds * 1000;
  }

  produce(cycle: Cycle): Pin {
    const { nowMs } = cycle;
    this.#table.sweep(nowMs, this.#ttlMs, this.#sweepMs);
    const session = this.#sessionOf(cycle);
    const binding = session === undefined ? undefined : this.#table.find(session, nowMs, this.#ttlMs);
    return { session, id: binding?.id, incarnation: binding?.incarnation, isPresent: false };
  }

  /** A session stays with its endpoint while that could have been picked, wherever this one request goes. */
  dispatched({ produced, nowMs }: Cycle, picked: Endpoint): undefined {
    const pin = produced.get(this.#name) as Pin | undefined;
    if (pin?.session === undefined) return;
    if (pin.isPresent && pin.id !== undefined && pin.incarnation !== undefined) {
      this.#table.bind(pin.session, { id: pin.id, incarnation: pin.incarnation }, nowMs);
    } else this.#table.bind(pin.session, picked, nowMs);
  }

  adopt(predecessor: Producer): void {
    if (predecessor instanceof BoundSessions) this.#table = predecessor.#table;
  }

  #sessionOf(cycle: Cycle): string | undefined {
    for (const read of this.#sources) {
      const session = read(cycle);
      if (session !== undefined) return session;
    }
    return undefined;
  }
}

function readerOf(
  { header, producer }: SessionSource,
  { required }: PluginEnvironment,
): (cycle: Cycle) => string | undefined {
  if (header !== undefined) {
    const name = header.toLowerCase();
    return ({ request }) => readSessionId(request.headers[name]);
  }
  const name = producer ?? required(sessionIdProducerType);
  return ({ produced }) => {
    const found = produced.get(name);
    return found instanceof SessionId ? found.value : undefined;
  };
}
