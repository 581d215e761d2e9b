import type { OwnSince } from "./correct.ts";
import type { EndpointId } from "./endpoint.ts";

/** One request of ours at one endpoint, from dispatch to the end of its stream. The receipt to close it with. */
export interface InFlightEntry {
  /** Number of our own stream; unique among the streams open at the same time. */
  readonly streamKey: number;
  readonly id: EndpointId;
  readonly incarnation: string;
  readonly openedAtMs: number;
  /** Order of dispatch over the whole ledger. */
  readonly sequence: number;
}

/** Counts of one window; see `OwnSince`. */
interface Window extends OwnSince {
  readonly fromSequence: number;
  dispatchedOpen: number;
  endedEarlier: number;
}

/** What the ledger holds for one incarnation of an endpoint: its open requests, and counts since marked moments. */
export class LedgerAccount {
  readonly id: EndpointId;
  readonly incarnation: string;
  /** Called after every change; set while the endpoint is in the pool. */
  onChange: (() => void) | undefined;
  readonly #entries = new Map<number, InFlightEntry>();
  #windows: readonly Window[] = [];

  constructor(id: EndpointId, incarnation: string) {
    this.id = id;
    this.incarnation = incarnation;
  }

  /** Requests whose streams are open. */
  get openRequests(): number {
    return this.#entries.size;
  }

  /** The open entry of a stream. */
  find(streamKey: number): InFlightEntry | undefined {
    return this.#entries.get(streamKey);
  }

  add(entry: InFlightEntry): void {
    this.#entries.set(entry.streamKey, entry);
    for (const window of this.#windows) window.dispatchedOpen++;
    this.onChange?.();
  }

  /** Returns false, changing nothing, when this very entry is not open. */
  take(entry: InFlightEntry): boolean {
    if (this.#entries.get(entry.streamKey) !== entry) return false;
    this.#entries.delete(entry.streamKey);
    for (const window of this.#windows) {
      if (entry.sequence >= window.fromSequence) window.dispatchedOpen--;
      else window.endedEarlier++;
    }
    this.onChange?.();
    return true;
  }

  /** Counts from `nextSequence` on, until the window is dropped by `keepWindows`. */
  startWindow(nextSequence: number): OwnSince {
    const window: Window = { fromSequence: nextSequence, dispatchedOpen: 0, endedEarlier: 0 };
    this.#windows = [...this.#windows, window];
    return window;
  }

  /** Stops counting in all windows but `kept`: a dispatch costs one step for each window, so few may live. */
  keepWindows(kept: readonly (OwnSince | undefined)[]): void {
    this.#windows = this.#windows.filter((window) => kept.includes(window));
  }
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
  open(streamKey: number, id: EndpointId, incarnation: string, nowMs: number): InFlightEntry {
    const account = this.#findOrCreate(id, incarnation);
    const existing = account.find(streamKey);
    if (existing !== undefined) return existing;
    const entry = { streamKey, id, incarnation, openedAtMs: nowMs, sequence: this.#sequence++ };
    this.#total++;
    account.add(entry);
    return entry;
  }

  /** Ends an entry; only the first call for it counts. */
  close(entry: InFlightEntry): void {
    const account = this.#find(entry.id, entry.incarnation);
    if (account?.take(entry) !== true) return;
    this.#total--;
    this.#dropIfUnused(account);
  }

  /** The request's first byte has come: its prompt is computed. */
  noteFirstByte(_entry: InFlightEntry): void {}

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
  startWindow(account: LedgerAccount): OwnSince {
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
