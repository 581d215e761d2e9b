import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InFlightCounts } from "../../src/scheduling/in-flight-load.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

const endpoint = anEndpoint("server-0");
const reborn = anEndpoint("server-0", { incarnation: "another" });

test("InFlightCounts releases tokens at the first byte and the request at its end", () => {
  const counts = new InFlightCounts();
  const follower = counts.hold(endpoint, 100, false);
  assert.deepEqual([counts.requests(endpoint), counts.tokens(endpoint)], [1, 100]);
  follower.firstByte?.();
  assert.deepEqual([counts.requests(endpoint), counts.tokens(endpoint)], [1, 0]);
  follower.ended("completed");
  assert.deepEqual([counts.requests(endpoint), counts.tokens(endpoint), counts.endpoints], [0, 0, 0]);
});

test("InFlightCounts holds tokens to the end where told so, and releases them without a first byte", () => {
  const counts = new InFlightCounts();
  const held = counts.hold(endpoint, 100, true);
  const cancelled = counts.hold(endpoint, 7, false);
  held.firstByte?.();
  assert.equal(counts.tokens(endpoint), 107);
  cancelled.ended("client-disconnect");
  assert.deepEqual([counts.requests(endpoint), counts.tokens(endpoint)], [1, 100]);
  held.ended("error");
  assert.deepEqual([counts.requests(endpoint), counts.tokens(endpoint)], [0, 0]);
});

test("InFlightCounts starts at 0 for another incarnation; what runs at the old one ends against its own count", () => {
  const counts = new InFlightCounts();
  const old = counts.hold(endpoint, 100, false);
  assert.deepEqual([counts.requests(reborn), counts.tokens(reborn)], [0, 0]);
  const fresh = counts.hold(reborn, 5, false);
  old.firstByte?.();
  old.ended("error");
  assert.deepEqual([counts.requests(reborn), counts.tokens(reborn)], [1, 5]);
  fresh.ended("completed");
  assert.equal(counts.endpoints, 0);
});

test("InFlightCounts keeps what still runs at an incarnation that left the pool and came back", () => {
  const counts = new InFlightCounts();
  const follower = counts.hold(endpoint, 1, false);
  assert.equal(counts.requests(anEndpoint("server-0")), 1);
  follower.ended("completed");
});

test("InFlightCounts equals a count of what is open, whatever comes in which order", () => {
  const step = fc.record({
    at: fc.nat(2),
    incarnation: fc.constantFrom("a", "b"),
    tokens: fc.nat(1000),
    untilEnd: fc.boolean(),
    what: fc.constantFrom("hold", "hold", "firstByte", "ended"),
    which: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const counts = new InFlightCounts();
      const open: { id: string; tokens: number; follower: ReturnType<InFlightCounts["hold"]> }[] = [];
      const current = new Map<number, string>();
      for (const { at, incarnation, tokens, untilEnd, what, which } of steps) {
        const chosen = open[which % Math.max(1, open.length)];
        if (what === "hold") {
          current.set(at, incarnation);
          const target = anEndpoint(`server-${at}`, { incarnation: `${incarnation}${steps.length}` });
          open.push({ id: `${at}${incarnation}`, tokens, follower: counts.hold(target, tokens, untilEnd) });
        } else if (chosen !== undefined && what === "firstByte") {
          if (chosen.follower.firstByte !== undefined) chosen.tokens = 0;
          chosen.follower.firstByte?.();
        } else if (chosen !== undefined) {
          open.splice(open.indexOf(chosen), 1);
          chosen.follower.ended("completed");
          chosen.follower.ended("completed");
        }
        for (const [server, life] of current) {
          const target = anEndpoint(`server-${server}`, { incarnation: `${life}${steps.length}` });
          const [requests, held] = [counts.requests(target), counts.tokens(target)];
          assert.ok(requests >= 0 && held >= 0);
          // A life that came back after another one starts anew, so it may count less than is open.
          const mine = open.filter(({ id }) => id === `${server}${life}`);
          assert.ok(requests <= mine.length);
          assert.ok(held <= mine.reduce((sum, entry) => sum + entry.tokens, 0));
        }
      }
      for (const { follower } of open) follower.ended("completed");
      assert.equal(counts.endpoints, 0);
    }),
    { numRuns: 200 },
  );
});
