import assert from "node:assert/strict";
import { test } from "node:test";
import { correctSignals, noWork } from "../../src/datastore/correct.ts";
import type { OwnSince } from "../../src/datastore/ledger-account.ts";
import { unknownSignals } from "../../src/datastore/sample.ts";
import type { Signal } from "../../src/datastore/signal.ts";

const scraped = (value: number): Signal => ({ value, sampledAtMs: 7, source: "scraped" });
const absent: Signal = { value: undefined, sampledAtMs: 7, source: "absent" };
const own = (dispatchedOpen: number, endedEarlier: number): OwnSince => ({
  dispatchedOpen,
  dispatchedTokens: 0,
  endedEarlier,
  endedTokens: 0,
});

const cases: readonly {
  name: string;
  waiting: Signal;
  running: Signal;
  own: OwnSince | undefined;
  open?: number;
  want: readonly [number | undefined, string, number | undefined, string];
}[] = [
  {
    name: "keeps what was scraped when nothing happened since",
    waiting: scraped(3),
    running: scraped(2),
    own: own(0, 0),
    want: [3, "scraped", 2, "scraped"],
  },
  {
    name: "adds requests dispatched since and still open to the waiting ones",
    waiting: scraped(3),
    running: scraped(2),
    own: own(4, 0),
    want: [7, "corrected", 2, "scraped"],
  },
  {
    name: "takes requests that ended since off the running ones",
    waiting: scraped(3),
    running: scraped(5),
    own: own(0, 2),
    want: [3, "scraped", 3, "corrected"],
  },
  {
    name: "takes off no more than were running",
    waiting: scraped(0),
    running: scraped(2),
    own: own(0, 9),
    want: [0, "scraped", 0, "corrected"],
  },
  {
    name: "leaves a scraped 0 as scraped when there is nothing to take off",
    waiting: scraped(0),
    running: scraped(0),
    own: own(0, 9),
    want: [0, "scraped", 0, "scraped"],
  },
  {
    name: "counts what is open beyond the running ones as waiting, in the sample or not",
    waiting: scraped(1),
    running: scraped(5),
    own: own(1, 0),
    open: 9,
    want: [4, "corrected", 5, "scraped"],
  },
  {
    name: "takes what is open for counts that the server does not have",
    waiting: absent,
    running: absent,
    own: undefined,
    open: 2,
    want: [2, "corrected", 2, "corrected"],
  },
  {
    name: "leaves counts that the server does not have while nothing is open",
    waiting: absent,
    running: absent,
    own: undefined,
    open: 0,
    want: [undefined, "absent", undefined, "absent"],
  },
  {
    name: "leaves a sample that accounts for all that is open",
    waiting: scraped(4),
    running: scraped(5),
    own: own(0, 0),
    open: 9,
    want: [4, "scraped", 5, "scraped"],
  },
  {
    name: "counts what is open beyond the running ones that have not ended since",
    waiting: scraped(0),
    running: scraped(5),
    own: own(0, 2),
    open: 4,
    want: [1, "corrected", 3, "corrected"],
  },
  {
    name: "does not guess who waits when the running ones are unknown",
    waiting: scraped(2),
    running: unknownSignals.runningRequests,
    own: own(0, 0),
    open: 9,
    want: [2, "scraped", undefined, "unknown"],
  },
  {
    name: "never makes a number of what is unknown",
    waiting: unknownSignals.waitingRequests,
    running: unknownSignals.runningRequests,
    own: own(4, 2),
    want: [undefined, "unknown", undefined, "unknown"],
  },
  {
    name: "accepts signals that were never sampled",
    waiting: unknownSignals.waitingRequests,
    running: unknownSignals.runningRequests,
    own: undefined,
    want: [undefined, "unknown", undefined, "unknown"],
  },
];

for (const { name, waiting, running, own: since, open = 0, want } of cases) {
  test(`correctSignals ${name}`, () => {
    const before = { ...unknownSignals, waitingRequests: waiting, runningRequests: running };
    const windows = { waitingRequests: since, runningRequests: since, kvCacheRatio: since };
    const after = correctSignals(before, { ...noWork, since: windows, openRequests: open });
    const { waitingRequests, runningRequests } = after;
    assert.deepEqual(
      [waitingRequests.value, waitingRequests.source, runningRequests.value, runningRequests.source],
      want,
    );
    assert.equal(waitingRequests.sampledAtMs, waiting.sampledAtMs);
    assert.equal(after === before, want[1] !== "corrected" && want[3] !== "corrected");
  });
}
