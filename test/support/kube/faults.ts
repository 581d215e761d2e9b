/** Switches of the fake API server; set them at any time. */
export interface Faults {
  /** Time before every answer. */
  latencyMs: number;
  /** Share of requests whose connection is reset instead of an answer, drawn from `random`. */
  lossRatio: number;
  random: () => number;
  /** Status of every answer instead of the real one, 500 or 429 for instance; 0: none. */
  status: number;
  /** Lists and watches of versions that are too old: 410 as status instead of an ERROR event. */
  goneByStatus: boolean;
  /** Events of watches that are swallowed before the next one gets through. */
  swallowEvents: number;
  /** Continuations of lists that are refused with 410 from now on. */
  expireContinuations: number;
  /** Time between two bookmarks of watches that begin from now on. */
  bookmarkMs: number;
  hasBookmarks: boolean;
}

/** A server in good health. */
export function noFaults(): Faults {
  return {
    latencyMs: 0,
    lossRatio: 0,
    random: () => 1,
    status: 0,
    goneByStatus: false,
    swallowEvents: 0,
    expireContinuations: 0,
    bookmarkMs: 60_000,
    hasBookmarks: true,
  };
}
