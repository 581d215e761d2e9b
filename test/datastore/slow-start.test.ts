import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SlowStart } from "../../src/datastore/slow-start.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

test("SlowStart keeps a newcomer's share within 0.9 and 1.15, whatever the picker would do", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.boolean()), fc.integer({ min: 2, max: 40 }), (wants, candidates) => {
      const start = new SlowStart(0);
      const decisions = 2000;
      let taken = 0;
      for (let i = 0; i < decisions; i++) {
        const { position } = start;
        const isPicked = position === "behind" || (position === "even" && (wants.next().value as boolean));
        start.noteDecision(candidates, isPicked);
        if (isPicked) taken++;
      }
      const fair = decisions / candidates;
      assert.ok(taken >= 0.9 * fair - 2 && taken <= 1.15 * fair + 2, `${taken} of ${fair}`);
    }),
  );
});

test("SlowStart ends after 30 s", () => {
  const start = new SlowStart(1000);
  assert.deepEqual([start.isOver(30_999), start.isOver(31_000)], [false, true]);
});

test("an endpoint is a newcomer only when it joins a pool at work, and for 30 s", () => {
  const store = new EndpointStore();
  const position = (name: string): unknown => store.snapshot().find((endpoint) => endpoint.name === name)?.slowStart;
  store.reset([anEndpoint("first"), anEndpoint("second")]);
  assert.deepEqual([position("first"), position("second")], [undefined, undefined]);
  store.snapshot(2_000);
  store.upsert(anEndpoint("third"));
  assert.equal(position("third"), "ahead", "nothing yet until others have had theirs");
  store.snapshot(32_001);
  assert.equal(position("third"), undefined);
});

test("decisions move the share of newcomers that were candidates, and of those only", () => {
  const store = new EndpointStore();
  store.reset([anEndpoint("first")]);
  store.snapshot(2_000);
  for (const name of ["third", "fourth"]) store.upsert(anEndpoint(name));
  const [first, third] = store.snapshot();
  assert.ok(first !== undefined && third !== undefined);
  for (let i = 0; i < 5; i++) store.noteDecision(first, [first, third]);
  assert.deepEqual(
    store.snapshot().map(({ slowStart }) => slowStart),
    [undefined, "behind", "ahead"],
  );
  store.noteDecision(third, [third]);
  assert.equal(store.snapshot()[1]?.slowStart, "behind", "no choice, no share");
});
