import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../../../src/datastore/endpoint.ts";
import { adoptLearned, forgetEndpoint, type SchedulingPlan } from "../../../src/scheduling/plan.ts";
import { aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";
import { endpointsOf, ratingsOf, sendTo } from "../../support/ratings.ts";

const planOf = (parameters = "{}"): SchedulingPlan =>
  aPlan(`plugins: [{type: no-hit-lru-scorer, parameters: ${parameters}}]`);
const pool = endpointsOf([{}, {}, {}]);
const [first, second, third] = pool as [Endpoint, Endpoint, Endpoint];

let prompts = 0;
/** A prompt that no server had. */
const coldRequest = () => aRequest({ prompt: `cold ${prompts++}` });
const ranks = (plan: SchedulingPlan, endpoints: readonly Endpoint[] = pool) =>
  ratingsOf(plan, endpoints, coldRequest()).map(([raw]) => raw);

test("no-hit-lru-scorer rates one endpoint 1, used or not", () => {
  const plan = planOf();
  assert.deepEqual(ratingsOf(plan, [first], coldRequest()), [[0, 1]]);
  sendTo(plan, first, coldRequest());
  assert.deepEqual(ratingsOf(plan, [first], coldRequest()), [[0, 1]]);
});

test("no-hit-lru-scorer ranks endpoints without a cold request first, then the oldest", () => {
  const plan = planOf();
  assert.deepEqual(ratingsOf(plan, pool, coldRequest()), [
    [0, 1],
    [1, 0.5],
    [2, 0],
  ]);
  sendTo(plan, first, coldRequest());
  assert.deepEqual(ranks(plan), [2, 0, 1]);
  sendTo(plan, third, coldRequest());
  sendTo(plan, second, coldRequest());
  assert.deepEqual(ratingsOf(plan, pool, coldRequest()), [
    [0, 1],
    [2, 0],
    [1, 0.5],
  ]);
  sendTo(plan, first, coldRequest());
  assert.deepEqual(ranks(plan), [2, 1, 0]);
  assert.deepEqual(ranks(plan, [first, second]), [1, 0], "among the candidates alone");
});

test("no-hit-lru-scorer rates all 0.5 where one has the beginning, and learns nothing from it", () => {
  const plan = planOf();
  const warm = aRequest({ prompt: "warm" });
  sendTo(plan, second, warm);
  assert.deepEqual(ranks(plan), [0, 2, 1]);
  assert.deepEqual(ratingsOf(plan, pool, warm), [
    [null, 0.5],
    [null, 0.5],
    [null, 0.5],
  ]);
  sendTo(plan, first, coldRequest());
  sendTo(plan, second, warm);
  assert.deepEqual(ranks(plan), [2, 1, 0]);
  assert.deepEqual(
    ratingsOf(plan, [first, third], warm).map(([raw]) => raw),
    [1, 0],
    "cold for the candidates that are left",
  );
});

test("no-hit-lru-scorer takes a request without a prompt for cold", () => {
  assert.deepEqual(
    ratingsOf(planOf(), pool, aRequest()).map(([raw]) => raw),
    [0, 1, 2],
  );
});

test("no-hit-lru-scorer forgets what left the pool and does not know another incarnation", () => {
  const plan = planOf();
  sendTo(plan, first, coldRequest());
  assert.deepEqual(ranks(plan), [2, 0, 1]);
  assert.deepEqual(ranks(plan, [anEndpoint("server-0", { incarnation: "another" }), second, third]), [0, 1, 2]);
  forgetEndpoint(plan, first.id);
  assert.deepEqual(ranks(plan), [0, 1, 2]);
});

test("no-hit-lru-scorer remembers lruSize endpoints, also after a reload", () => {
  const plan = planOf("{lruSize: 2}");
  for (const endpoint of pool) sendTo(plan, endpoint, coldRequest());
  assert.deepEqual(ranks(plan), [0, 1, 2], "the first is as if never used");
  const next = planOf("{lruSize: 1}");
  adoptLearned(next, plan);
  assert.deepEqual(ranks(next), [0, 1, 2]);
  sendTo(next, first, coldRequest());
  assert.deepEqual(ranks(next), [2, 0, 1]);
  const same = planOf("{lruSize: 0}");
  adoptLearned(same, next);
  assert.deepEqual(ranks(same), [2, 0, 1]);
  sendTo(same, second, coldRequest());
  assert.deepEqual(ranks(same), [1, 2, 0]);
});

test("no-hit-lru-scorer ranks like a list of last uses", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(4), { maxLength: 20 }), fc.uniqueArray(fc.nat(4), { minLength: 1 }), (uses, shown) => {
      const plan = planOf();
      const all = endpointsOf([{}, {}, {}, {}, {}]);
      for (const use of uses) sendTo(plan, all[use]!, coldRequest());
      const order = shown.filter((i) => !uses.includes(i));
      const used = shown.filter((i) => uses.includes(i));
      order.push(...used.toSorted((a, b) => uses.lastIndexOf(a) - uses.lastIndexOf(b)));
      const last = Math.max(1, shown.length - 1);
      assert.deepEqual(
        ratingsOf(
          plan,
          shown.map((i) => all[i]!),
          coldRequest(),
        ),
        shown.map((i) => [order.indexOf(i), 1 - order.indexOf(i) / last]),
      );
    }),
    { numRuns: 100 },
  );
});
