import type { EndpointStore } from "../datastore/store.ts";
import type { Clock } from "../lib/clock.ts";
import type { ScrapeObserver } from "./loop.ts";

/** How long a start waits for endpoints that do not answer (reliability F38). */
const patienceMs = 2000;

/** A wait for the first round of scrapes. */
export interface FirstRound {
  /** Resolves when every endpoint was scraped once or the wait is over. */
  readonly firstRound: Promise<void>;
  /** To be given to the scrapes; hands everything on. */
  readonly observer: ScrapeObserver;
  /** Ends the wait at once. */
  readonly close: () => void;
}

/**
 * Waits until every endpoint that is in the store now was scraped once, with success or not, or has left; for 2 s at most,
 * and not at all when the store is empty.
 */
export function watchFirstRound(store: EndpointStore, clock: Clock, observer: ScrapeObserver): FirstRound {
  const pending = new Set(store.snapshot().map(({ id }) => id));
  let finish = (): void => {};
  const over = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const settle = (id: string): void => {
    pending.delete(id);
    if (pending.size === 0) close();
  };
  const cancelTimer = clock.after(patienceMs, () => close());
  const unsubscribe = store.onRemoved(({ id }) => settle(id));
  const close = (): void => {
    cancelTimer();
    unsubscribe();
    finish();
  };
  if (pending.size === 0) close();
  return {
    firstRound: over,
    close,
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
