import type { EndpointId } from "./endpoint.ts";
import { LedgerAccount } from "./ledger-account.ts";

/** How much one request asks of its endpoint, as far as this picker can estimate. */
export interface RequestLoad {
  /** Tokens of the prompt that the endpoint is not taken to have cached, at least 0. */
  readonly uncachedTokens: number;
  /** Tokens of the answer, at least 0; 0 when nothing tells. */
  readonly outputTokens: number;
  /** Model that the server is asked for, the name of an adapter if it is one. */
  readonly model: string;
}

/** A request of which nothing is known but that it is there. */
export const emptyLoad: RequestLoad = { uncachedTokens: 0, outputTokens: 0, model: "" };

/** One request of ours at one endpoint, from dispatch to the end of its stream. The receipt to close it with. */
export interface InFlightEntry extends RequestLoad {
  /** Number of our own stream; unique among the streams open at the same time. */
  readonly streamKey: number;
  readonly id: EndpointId;
  readonly incarnation: string;
  readonly openedAtMs: number;
  /** Order of dispatch over the whole ledger. */
  readonly sequence: number;
}

/**
 * Which requests of this picker are under way where (DESIGN, decision 4). Keyed by our own stream and the endpoint's
 * incarnation: an endpoint that leaves and comes back as another process starts at zero, while streams to the old one
 * still close against the old count. Opening and closing take constant time.
 */
export class InFlightLedger {
  readonly #accounts = new Map<EndpointId, LedgerAccount[]>();
  #sequence = 0;
  #total = 0;

  /** Requests under way at all endpoints, also those that left the pool. */
  get total(): number {
    return this.#total;
  }

  /** Requests under way at one incarnation; 0 for one never heard of. */
  openRequests(id: EndpointId, incarnation: string): number {
    return this.#find(id, incarnation)?.openRequests ?? 0;
  }

  /** Counts a request as under way. Opening the same stream again at the same incarnation returns the open entry. */
  open(streamKey: number, at: InFlightPlace, nowMs: number, load: RequestLoad = emptyLoad): InFlightEntry {
    const { id, incarnation } = at;
    const account = this.#findOrCreate(id, incarnation);
    const existing = account.find(streamKey);
    if (existing !== undefined) return existing;
    const { uncachedTokens, outputTokens, model } = load;
    const sequence = this.#sequence++;
    const entry = {
      streamKey,
      id,
      incarnation,
      openedAtMs: nowMs,
      sequence,
      uncachedTokens,
      outputTokens,
      model,
    };
    this.#total++;
    account.add(entry);
    return entry;
  }

  /** The first byte of an entry's response has come: its prompt is computed. Only the first call for it counts. */
  noteFirstByte(entry: InFlightEntry): void {
    this.#find(entry.id, entry.incarnation)?.noteFirstByte(entry);
  }

  /** Ends an entry; only the first call for it counts. */
  close(entry: InFlightEntry): void {
    const account = this.#find(entry.id, entry.incarnation);
    if (account?.take(entry) !== true) return;
    this.#total--;
    this.#dropIfUnused(account);
  }

  /** The account of an incarnation that joined the pool, kept until `detach`; the datastore calls this. */
  attach(id: EndpointId, incarnation: string, onChange: () => void): LedgerAccount {
    const account = this.#findOrCreate(id, incarnation);
    account.onChange = onChange;
    return account;
  }

  /** The incarnation left the pool: its account lives on until its last stream has ended. */
  detach(account: LedgerAccount): void {
    account.onChange = undefined;
    account.keepWindows([]);
    this.#dropIfUnused(account);
  }

  /** Starts to count what happens at `account` from this moment on. */
  startWindow(account: LedgerAccount): ReturnType<LedgerAccount["startWindow"]> {
    return account.startWindow(this.#sequence);
  }

  #find(id: EndpointId, incarnation: string): LedgerAccount | undefined {
    return this.#accounts.get(id)?.find((account) => account.incarnation === incarnation);
  }

  #findOrCreate(id: EndpointId, incarnation: string): LedgerAccount {
    const existing = this.#find(id, incarnation);
    if (existing !== undefined) return existing;
    const account = new LedgerAccount(id, incarnation);
    const ofId = this.#accounts.get(id);
    if (ofId === undefined) this.#accounts.set(id, [account]);
    else ofId.push(account);
    return account;
  }

  #dropIfUnused(account: LedgerAccount): void {
    if (account.openRequests > 0 || account.onChange !== undefined) return;
    const rest = (this.#accounts.get(account.id) ?? []).filter((other) => other !== account);
    if (rest.length === 0) this.#accounts.delete(account.id);
    else this.#accounts.set(account.id, rest);
  }
}

/** Where a request is: an endpoint, or anything that names its incarnation. */
export interface InFlightPlace {
  readonly id: EndpointId;
  readonly incarnation: string;
}
