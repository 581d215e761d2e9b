import assert from "node:assert/strict";
import { test } from "node:test";
import { keepShares } from "../../src/scheduling/keep-shares.ts";
import { anEndpoint, type EndpointTraits } from "../support/an-endpoint.ts";

const endpoints = (...traits: readonly EndpointTraits[]) => traits.map((one, i) => anEndpoint(`server-${i}`, one));
const cases: readonly { name: string; traits: readonly EndpointTraits[]; want: readonly number[] }[] = [
  { name: "leaves a pool without newcomers alone", traits: [{}, {}], want: [0, 1] },
  { name: "passes over a newcomer that is ahead", traits: [{}, { slowStart: "ahead" }, {}], want: [0, 2] },
  { name: "gives the request to a newcomer that is behind", traits: [{}, { slowStart: "behind" }], want: [1] },
  { name: "leaves a newcomer that is even in the field", traits: [{}, { slowStart: "even" }], want: [0, 1] },
  {
    name: "does not send more to a newcomer where more waits than elsewhere",
    traits: [{ waiting: 0 }, { slowStart: "behind", waiting: 5 }],
    want: [0, 1],
  },
  { name: "takes newcomers that are ahead when there is nobody else", traits: [{ slowStart: "ahead" }], want: [0] },
  { name: "and when all are", traits: [{ slowStart: "ahead" }, { slowStart: "ahead" }], want: [0, 1] },
  { name: "leaves nobody where nobody is", traits: [], want: [] },
];
for (const { name, traits, want } of cases) {
  test(`keepShares ${name}`, () => {
    const pool = endpoints(...traits);
    assert.deepEqual(
      keepShares(pool).map((endpoint) => pool.indexOf(endpoint)),
      want,
    );
  });
}
