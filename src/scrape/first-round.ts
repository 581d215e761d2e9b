import type { EndpointStore } from "../datastore/store.ts";
import type { Clock } from "../lib/clock.ts";
import type { ScrapeObserver } from "./loop.ts";

/** How long a start waits for endpoints that do not answer (reliability F38). */
const patienceMs = 2000;

/** Waits for the first round of scrapes. */
export interface FirstRound {
  /** To be given to the scrapes; hands everything on. */
  readonly observer: ScrapeObserver;
  /** Forgets the wait; `over` is not called any more. */
  readonly close: () => void;
}

/**
 * Calls `over` once when every endpoint that is in the store now was scraped once, with success or not, and after 2 s at the
 * latest; at once, before it returns, when the store is empty.
 */
export function watchFirstRound(
  store: EndpointStore,
  clock: Clock,
  observer: ScrapeObserver,
  over: () => void,
): FirstRound {
  const pending = new Set(store.snapshot().map(({ id }) => id));
  let isOver = false;
  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    close();
    over();
  };
  const settle = (id: string): void => {
    if (pending.delete(id) && pending.size === 0) finish();
  };
  const cancelTimer = clock.after(patienceMs, finish);
  const unsubscribe = store.onRemoved(({ id }) => settle(id));
  const close = (): void => {
    isOver = true;
    cancelTimer();
    unsubscribe();
  };
  if (pending.size === 0) finish();
  return {
    close,
    observer: {
      scraped: (endpoint, result) => {
        observer.scraped(endpoint, result);
        settle(endpoint.id);
      },
      failed: (endpoint, reason, detail) => {
        observer.failed(endpoint, reason, detail);
        settle(endpoint.id);
      },
    },
  };
}
