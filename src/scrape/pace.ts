/** CPU time of a scrape beside reading its page: sockets, HTTP, timers. Measured at 0.3 to 0.45 ms for pages of 60 KB. */
const transportMs = 0.4;
/** Share of one core that scraping may take. */
const maxCoreShare = 0.25;
/** Longest interval the share can lead to: signals must stay younger than the 2 s after which they count as stale. */
const maxStretchedMs = 1_000;
/** Scrapes over which the cost is averaged: the interval moves smoothly, and one pause of the collector does not move it. */
const averagedScrapes = 256;
/** Longest time that one reading counts for. */
const maxReadMs = 20;

/**
 * The time between two scrapes of an endpoint: the wanted one as long as scraping the whole pool takes at most a quarter
 * of one core, else as long as it must be for that, at most 1 s.
 */
export class Pace {
  readonly #wantedMs: number;
  #readMs = 0;

  /** `wantedMs` is the interval that holds while there is time for it. */
  constructor(wantedMs: number) {
    this.#wantedMs = wantedMs;
  }

  /** Says that reading a page took `readMs`. */
  note(readMs: number): void {
    this.#readMs += (Math.min(maxReadMs, readMs) - this.#readMs) / averagedScrapes;
  }

  /** The interval for a pool of this many endpoints. */
  intervalMs(endpoints: number): number {
    const neededMs = (endpoints * (transportMs + this.#readMs)) / maxCoreShare;
    return Math.max(this.#wantedMs, Math.min(maxStretchedMs, neededMs));
  }
}
