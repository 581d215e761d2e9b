/** Tags whose cases may differ from the recording; all other cases are equal. */
export const departureTags = [
  "series",
  "missing",
  "lru",
  "holders",
  "load-before-prefix",
  "out-of-range",
  "nan",
  "negative-weight",
] as const;

/** A recorded case in which our scores differ on purpose. */
export interface Departure {
  readonly id: string;
  /** Which of the case's tags allows it. */
  readonly tag: (typeof departureTags)[number];
  /** Why, in one sentence; docs/plugins.md shows it. */
  readonly reason: string;
}

/** Every case that differs, in the order of the recording. */
export const departures: readonly Departure[] = [
  {
    id: "running-012",
    tag: "series",
    reason:
      "Series of several ranks are summed where the reference reads the first or newest, and a family without a type is a gauge where the reference reads 0.",
  },
  {
    id: "load-aware-128-010",
    tag: "missing",
    reason:
      "A queue that was never seen, on a page that lacks it or cannot be read, is unknown where the reference takes it for empty.",
  },
  {
    id: "kv-011",
    tag: "out-of-range",
    reason: "A KV cache share outside 0..1 or infinite is unknown where the reference clamps its score.",
  },
  {
    id: "prefix-small-lru-000",
    tag: "lru",
    reason:
      "Blocks that do not fit beside those of the same prompt are not kept where the reference goes on matching them.",
  },
  {
    id: "prefix-small-lru-003",
    tag: "lru",
    reason:
      "The ends of prompts are forgotten first where the reference forgets a first block and with it all that follow.",
  },
  {
    id: "token-load-prefix-000",
    tag: "load-before-prefix",
    reason:
      "A request costs what is not cached, whatever the run; the reference charged all its tokens in this run, in others not.",
  },
  {
    id: "token-load-prefix-004",
    tag: "load-before-prefix",
    reason:
      "A request costs what is not cached, whatever the run; the reference charged all its tokens in this run, in others not.",
  },
];
