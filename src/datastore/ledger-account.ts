import type { EndpointId } from "./endpoint.ts";
import type { InFlightEntry } from "./in-flight-ledger.ts";

/** What this picker did at one endpoint since a sample of it was asked for. */
export interface OwnSince {
  /** Requests dispatched since then whose streams are still open: the sample cannot have seen them. */
  readonly dispatchedOpen: number;
  /** Prompt tokens of those that the endpoint is not taken to have cached. */
  readonly dispatchedTokens: number;
  /** Requests dispatched before then whose streams have ended since: the sample may still count them. */
  readonly endedEarlier: number;
  /** Tokens of those, prompt and answer. */
  readonly endedTokens: number;
}

/** Counts of one window; see `OwnSince`. */
interface Window extends OwnSince {
  readonly fromSequence: number;
  dispatchedOpen: number;
  dispatchedTokens: number;
  endedEarlier: number;
  endedTokens: number;
}

/** What the ledger holds for one incarnation of an endpoint: its open requests, and counts since marked moments. */
export class LedgerAccount {
  readonly id: EndpointId;
  readonly incarnation: string;
  /** Called after every change; set while the endpoint is in the pool. */
  onChange: (() => void) | undefined;
  readonly #entries = new Map<number, InFlightEntry>();
  readonly #answered = new Set<InFlightEntry>();
  readonly #models = new Map<string, number>();
  #windows: readonly Window[] = [];
  #prefillTokens = 0;
  #residentTokens = 0;
  /** The newest window, as long as nothing has happened in it. */
  #untouched: Window | undefined;

  constructor(id: EndpointId, incarnation: string) {
    this.id = id;
    this.incarnation = incarnation;
  }

  /** Requests whose streams are open. */
  get openRequests(): number {
    return this.#entries.size;
  }

  /** Uncached prompt tokens of open requests whose first byte has not come: work ahead of a new prompt. */
  get prefillTokens(): number {
    return this.#prefillTokens;
  }

  /** Uncached prompt tokens of open requests whose first byte has come: they lie in the cache for certain. */
  get residentTokens(): number {
    return this.#residentTokens;
  }

  /** Models that open requests ask for. */
  get models(): Iterable<string> {
    return this.#models.keys();
  }

  /** The open entry of a stream. */
  find(streamKey: number): InFlightEntry | undefined {
    return this.#entries.get(streamKey);
  }

  add(entry: InFlightEntry): void {
    this.#untouched = undefined;
    this.#entries.set(entry.streamKey, entry);
    this.#models.set(entry.model, (this.#models.get(entry.model) ?? 0) + 1);
    this.#prefillTokens += entry.uncachedTokens;
    for (const window of this.#windows) {
      window.dispatchedOpen++;
      window.dispatchedTokens += entry.uncachedTokens;
    }
    this.onChange?.();
  }

  noteFirstByte(entry: InFlightEntry): void {
    if (this.#entries.get(entry.streamKey) !== entry || this.#answered.has(entry)) return;
    this.#answered.add(entry);
    this.#prefillTokens -= entry.uncachedTokens;
    this.#residentTokens += entry.uncachedTokens;
    this.onChange?.();
  }

  /** Returns false, changing nothing, when this very entry is not open. */
  take(entry: InFlightEntry): boolean {
    if (this.#entries.get(entry.streamKey) !== entry) return false;
    this.#untouched = undefined;
    this.#entries.delete(entry.streamKey);
    this.#dropModel(entry.model);
    if (this.#answered.delete(entry)) this.#residentTokens -= entry.uncachedTokens;
    else this.#prefillTokens -= entry.uncachedTokens;
    for (const window of this.#windows) {
      if (entry.sequence >= window.fromSequence) {
        window.dispatchedOpen--;
        window.dispatchedTokens -= entry.uncachedTokens;
      } else {
        window.endedEarlier++;
        window.endedTokens += entry.uncachedTokens + entry.outputTokens;
      }
    }
    this.onChange?.();
    return true;
  }

  /** Counts from `nextSequence` on, until the window is dropped by `keepWindows`. */
  startWindow(nextSequence: number): OwnSince {
    // What begins now counts the same as what began when nothing had happened since.
    if (this.#untouched !== undefined) return this.#untouched;
    const window: Window = {
      fromSequence: nextSequence,
      dispatchedOpen: 0,
      dispatchedTokens: 0,
      endedEarlier: 0,
      endedTokens: 0,
    };
    this.#windows = [...this.#windows, window];
    this.#untouched = window;
    return window;
  }

  /** Stops counting in all windows but `kept`: a dispatch costs one step for each window, so few may live. */
  keepWindows(kept: readonly (OwnSince | undefined)[]): void {
    if (this.#windows.every((window) => kept.includes(window))) return;
    this.#windows = this.#windows.filter((window) => kept.includes(window));
    if (!this.#windows.includes(this.#untouched as Window)) this.#untouched = undefined;
  }

  #dropModel(model: string): void {
    const left = (this.#models.get(model) ?? 0) - 1;
    if (left > 0) this.#models.set(model, left);
    else this.#models.delete(model);
  }
}
