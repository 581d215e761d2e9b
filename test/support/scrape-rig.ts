import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { EndpointSpec } from "../../src/datastore/endpoint.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { createRandom } from "../../src/lib/random.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { type ScrapeOptions, type Scraping, startScraping } from "../../src/scrape/loop.ts";

/** The spec of an endpoint on loopback. */
export function spec(name: string, port: number, incarnation = `${name}@${port}`): EndpointSpec {
  const address = `127.0.0.1:${port}`;
  return {
    id: `default/${name}`,
    incarnation,
    name,
    namespace: "default",
    host: "127.0.0.1",
    port,
    address,
    labels: {},
  };
}

/** Scraping over real sockets on a clock that the test moves. */
export class ScrapeRig {
  readonly clock = new VirtualClock();
  /** Shows what was scraped, unless a test brings a store of its own. */
  readonly store: EndpointStore;
  /** A line for every scrape: `NAME scraped true MISSING` or `NAME failed REASON`. */
  readonly heard: string[] = [];
  /** Every interval that was reported, in milliseconds. */
  readonly paces: number[] = [];
  #wake: () => void = () => {};

  constructor(t: TestContext, specs: readonly EndpointSpec[], options: Partial<ScrapeOptions> = {}) {
    this.store = options.store ?? new EndpointStore({ corrections: false });
    this.store.reset(specs);
    const scraping = startScraping({
      clock: this.clock,
      random: createRandom(1),
      observer: {
        scraped: ({ name }, { bytes, missing }) => this.#hear(`${name} scraped ${bytes > 0} ${missing.length}`),
        failed: ({ name }, reason) => this.#hear(`${name} failed ${reason}`),
      },
      onPace: (intervalMs) => this.paces.push(intervalMs),
      ...options,
      store: this.store,
    });
    t.after(() => scraping.close());
    this.scraping = scraping;
  }

  readonly scraping: Scraping;

  close(): Promise<void> {
    return this.scraping.close();
  }

  /** Moves on by an interval and waits until `count` scrapes in all were reported. */
  async interval(count: number, ms = 50): Promise<void> {
    this.clock.advance(ms);
    await this.until(() => this.heard.length >= count);
    assert.equal(this.heard.length, count);
  }

  /** Waits, without moving the clock, until a report of a scrape makes `isTrue` true. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #hear(what: string): void {
    this.heard.push(what);
    this.#wake();
  }

  /** Waiting and running requests of an endpoint and the time of their sample. */
  load(index = 0): unknown[] {
    const { waitingRequests, runningRequests } = this.store.snapshot()[index]!.signals;
    return [waitingRequests.value, runningRequests.value, waitingRequests.sampledAtMs];
  }
}
