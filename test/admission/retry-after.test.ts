import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CompletionRate } from "../../src/admission/completion-rate.ts";
import { type DrainFacts, retryAfterSeconds } from "../../src/admission/retry-after.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";

const rows: [what: string, facts: DrainFacts, seconds: number][] = [
  ["just full: one request must end", { saturation: 1, load: 5, completionsPerSecond: 1 }, 1],
  ["a slow pool", { saturation: 1, load: 5, completionsPerSecond: 0.1 }, 10],
  ["ten times full: 45 of 50 leave it just full, 46 do", { saturation: 10, load: 50, completionsPerSecond: 1 }, 46],
  ["twice full, 11 of 20 at 3 a second", { saturation: 2, load: 20, completionsPerSecond: 3 }, 4],
  ["a fast pool: at least a second", { saturation: 2, load: 20, completionsPerSecond: 1000 }, 1],
  ["a long way: at most a minute", { saturation: 100, load: 5000, completionsPerSecond: 1 }, 60],
  ["nothing completes any more", { saturation: 2, load: 2, completionsPerSecond: 0 }, 60],
  ["no rate", { saturation: 100, load: 5000, completionsPerSecond: undefined }, 1],
  ["no load", { saturation: 100, load: Number.NaN, completionsPerSecond: 1 }, 1],
];
for (const [what, facts, seconds] of rows) {
  test(`retryAfterSeconds: ${what}`, () => assert.equal(retryAfterSeconds(facts), seconds));
}

test("retryAfterSeconds is whole, 1 to 60, and not shorter for a fuller pool", () => {
  const positive = fc.double({ min: 0, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(positive, positive, positive, positive, (over, more, load, completionsPerSecond) => {
      const seconds = retryAfterSeconds({ saturation: 1 + over, load, completionsPerSecond });
      assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, `${seconds}`);
      const fuller = retryAfterSeconds({ saturation: 1 + over + more, load: load + more, completionsPerSecond });
      assert.ok(fuller >= seconds, `${fuller} < ${seconds}`);
    }),
  );
});

/** `requests` that start and end one after another, each open for `ms`. */
function serve(rate: CompletionRate, clock: VirtualClock, requests: number, ms: number): void {
  for (let i = 0; i < requests; i++) {
    rate.started();
    clock.advance(ms);
    rate.ended();
  }
}

const near = (got: number | undefined, want: number): void => {
  assert.ok(got !== undefined && Math.abs(got - want) <= 0.05 * want, `${got}, expected about ${want}`);
};

test("CompletionRate is unknown until a request has ended", () => {
  const clock = new VirtualClock();
  const rate = new CompletionRate(clock);
  assert.equal(rate.perSecond(), undefined);
  rate.started();
  clock.advance(500);
  assert.equal(rate.perSecond(), undefined);
  rate.ended();
  near(rate.perSecond(), 2);
});

test("CompletionRate counts busy time only: an idle night changes nothing", () => {
  const clock = new VirtualClock();
  const rate = new CompletionRate(clock);
  clock.advance(8 * 3_600_000);
  serve(rate, clock, 200, 250);
  near(rate.perSecond(), 4);
  const before = rate.perSecond();
  clock.advance(8 * 3_600_000);
  assert.equal(rate.perSecond(), before);
});

test("CompletionRate counts requests side by side", () => {
  const clock = new VirtualClock();
  const rate = new CompletionRate(clock);
  for (let i = 0; i < 10; i++) rate.started();
  for (let i = 0; i < 600; i++) {
    clock.advance(100);
    rate.started();
    rate.ended();
  }
  near(rate.perSecond(), 10);
});

test("CompletionRate follows a change, and falls while nothing ends", () => {
  const clock = new VirtualClock();
  const rate = new CompletionRate(clock);
  serve(rate, clock, 600, 100);
  near(rate.perSecond(), 10);
  serve(rate, clock, 120, 1000);
  near(rate.perSecond(), 1.17);
  rate.started();
  clock.advance(600_000);
  const stuck = rate.perSecond();
  assert.ok(stuck !== undefined && stuck < 1e-6, `${stuck}`);
  assert.equal(retryAfterSeconds({ saturation: 1, load: 1, completionsPerSecond: stuck }), 60);
});
