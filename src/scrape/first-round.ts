import type { EndpointStore } from "../datastore/store.ts";
import type { Clock } from "../lib/clock.ts";
import type { ScrapeObserver } from "./loop.ts";

/** How long a start waits for endpoints that do not answer (reliability F38). */
const patienceMs = 2000;

/** A wait for the first round of scrapes. */
export interface FirstRound {
  /**
   * Begins to wait for every endpoint that is in the store now; resolves when each was scraped once, with success or not, or
   * has left; after 2 s at most, and at once when the store is empty. To be called once.
   */
  readonly wait: () => Promise<void>;
  /** To be given to the scrapes; hands everything on. */
  readonly observer: ScrapeObserver;
  /** Ends the wait at once. */
  readonly close: () => void;
}

/** Makes it possible to wait for the first round of scrapes of `store`. */
export function watchFirstRound(store: EndpointStore, clock: Clock, observer: ScrapeObserver): FirstRound {
  const pending = new Set<string>();
  let close = (): void => {};
  const settle = (id: string): void => {
    if (pending.delete(id) && pending.size === 0) close();
  };
  const wait = (): Promise<void> =>
    new Promise((resolve) => {
      for (const { id } of store.snapshot()) pending.add(id);
      if (pending.size === 0) return resolve();
      const cancelTimer = clock.after(patienceMs, () => close());
      const unsubscribe = store.onRemoved(({ id }) => settle(id));
      close = () => {
        cancelTimer();
        unsubscribe();
        pending.clear();
        resolve();
      };
    });
  return {
    wait,
    close: () => close(),
    observer: {
      scraped: (endpoint, result) => {
        observer.scraped(endpoint, result);
        if (pending.size > 0) settle(endpoint.id);
      },
      failed: (endpoint, reason, detail) => {
        observer.failed(endpoint, reason, detail);
        if (pending.size > 0) settle(endpoint.id);
      },
    },
  };
}
