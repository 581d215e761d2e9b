import type { Endpoint, EndpointId } from "../datastore/endpoint.ts";
import type { Follower } from "./plugin.ts";

interface Count {
  readonly incarnation: string;
  requests: number;
  tokens: number;
}

/**
 * Requests and tokens that are under way at each incarnation of an endpoint. Holds only endpoints with requests: one that
 * leaves and comes back as another incarnation starts at 0, while what runs at the old one still ends against its own count.
 */
export class InFlightCounts {
  readonly #byEndpoint = new Map<EndpointId, Count>();

  /** Endpoints with requests under way. */
  get endpoints(): number {
    return this.#byEndpoint.size;
  }

  /** Requests under way at `endpoint`. */
  requests(endpoint: Endpoint): number {
    return this.#find(endpoint)?.requests ?? 0;
  }

  /** Tokens under way at `endpoint`. */
  tokens(endpoint: Endpoint): number {
    return this.#find(endpoint)?.tokens ?? 0;
  }

  /**
   * Counts a request with `tokens`, a whole number, at `endpoint`: the request until its end, the tokens until the first byte
   * of its response or, with `untilEnd`, until its end too.
   */
  hold(endpoint: Endpoint, tokens: number, untilEnd: boolean): Follower {
    const count = this.#find(endpoint) ?? { incarnation: endpoint.incarnation, requests: 0, tokens: 0 };
    this.#byEndpoint.set(endpoint.id, count);
    count.requests++;
    count.tokens += tokens;
    let held = tokens;
    let isOpen = true;
    const releaseTokens = (): void => {
      count.tokens -= held;
      held = 0;
    };
    const ended = (): void => {
      releaseTokens();
      if (!isOpen) return;
      isOpen = false;
      count.requests--;
      if (count.requests === 0 && this.#byEndpoint.get(endpoint.id) === count) this.#byEndpoint.delete(endpoint.id);
    };
    return untilEnd ? { ended } : { firstByte: releaseTokens, ended };
  }

  #find({ id, incarnation }: Endpoint): Count | undefined {
    const count = this.#byEndpoint.get(id);
    return count?.incarnation === incarnation ? count : undefined;
  }
}

/** What is under way at endpoints and what one request would add there; scorers read it from `cycle.produced`. */
export class InFlightLoad {
  readonly #counts: InFlightCounts;
  readonly #added: (endpoint: Endpoint) => number;

  /** `added`: whole tokens that the request would add at an endpoint. */
  constructor(counts: InFlightCounts, added: (endpoint: Endpoint) => number) {
    this.#counts = counts;
    this.#added = added;
  }

  /** Requests that this picker sent to `endpoint` and that have not ended. */
  requests(endpoint: Endpoint): number {
    return this.#counts.requests(endpoint);
  }

  /** Tokens of those requests that still count, at least 0. */
  tokens(endpoint: Endpoint): number {
    return this.#counts.tokens(endpoint);
  }

  /** Tokens that the request of this cycle would add at `endpoint`, at least 0. */
  addedTokens(endpoint: Endpoint): number {
    return this.#added(endpoint);
  }
}
