import assert from "node:assert/strict";
import { test } from "node:test";
import { correctSignals, type OwnSince } from "../../src/datastore/correct.ts";
import { unknownSignals } from "../../src/datastore/sample.ts";
import type { Signal } from "../../src/datastore/signal.ts";

const scraped = (value: number): Signal => ({ value, sampledAtMs: 7, source: "scraped" });
const own = (dispatchedOpen: number, endedEarlier: number): OwnSince => ({ dispatchedOpen, endedEarlier });

const cases: readonly {
  name: string;
  waiting: Signal;
  running: Signal;
  own: OwnSince | undefined;
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

for (const { name, waiting, running, own: since, want } of cases) {
  test(`correctSignals ${name}`, () => {
    const before = { ...unknownSignals, waitingRequests: waiting, runningRequests: running };
    const after = correctSignals(before, { waitingRequests: since, runningRequests: since });
    const { waitingRequests, runningRequests } = after;
    assert.deepEqual(
      [waitingRequests.value, waitingRequests.source, runningRequests.value, runningRequests.source],
      want,
    );
    assert.equal(waitingRequests.sampledAtMs, waiting.sampledAtMs);
    assert.equal(after === before, want[1] !== "corrected" && want[3] !== "corrected");
  });
}
