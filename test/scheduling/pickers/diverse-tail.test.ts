import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../../src/lib/random.ts";
import { withDiverseTail } from "../../../src/scheduling/pickers/diverse-tail.ts";
import { aPlan } from "../../support/a-plan.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";
import { aCycle } from "../../support/a-cycle.ts";

/** Where an endpoint is: host, node, zone; "" for a label that it does not have. */
type Place = readonly [host: string, node?: string, zone?: string];

function at([host, node = "", zone = ""]: Place, index: number) {
  const labels = {
    ...(node !== "" && { "kubernetes.io/hostname": node }),
    ...(zone !== "" && { "topology.kubernetes.io/zone": zone }),
  };
  return anEndpoint(`server-${index}`, { host, port: 8000 + index, labels });
}

/** The endpoints are given in the order of their rank. */
function tail(places: readonly Place[], totals: readonly number[] | undefined, wanted: number): number[] {
  const ranking = places.map((_, i) => i);
  return withDiverseTail(ranking, places.map(at), wanted, totals && Float64Array.from([...totals, 99]));
}

const rows: [what: string, places: Place[], totals: number[] | undefined, wanted: number, picked: number[]][] = [
  ["nothing of nothing", [], [], 3, []],
  ["the only one", [["h1"]], [5], 3, [0]],
  ["no more than there are", [["h1"], ["h2"]], [5, 5], 9, [0, 1]],
  ["another host among equals", [["h1"], ["h1"], ["h2"]], [1, 1, 1], 2, [0, 2]],
  ["another host among near-equals", [["h1"], ["h1"], ["h2"], ["h3"]], [10, 9.5, 9, 0], 2, [0, 2]],
  [
    "rank before another host when totals are far apart",
    [["h1"], ["h1"], ["h2"], ["h3"]],
    [10, 9.5, 8.4, 0],
    2,
    [0, 1],
  ],
  ["rank where hosts all differ", [["h1"], ["h2"], ["h3"]], [3, 2.9, 2.8], 3, [0, 1, 2]],
  ["rank where hosts are all the same", [["h1"], ["h1"], ["h1"]], [3, 2.9, 2.8], 3, [0, 1, 2]],
  [
    "another node on other hosts",
    [
      ["h1", "n1"],
      ["h2", "n1"],
      ["h3", "n2"],
    ],
    undefined,
    2,
    [0, 2],
  ],
  [
    "another zone on other nodes",
    [
      ["h1", "n1", "z1"],
      ["h2", "n2", "z1"],
      ["h3", "n3", "z2"],
    ],
    undefined,
    2,
    [0, 2],
  ],
  [
    "another host before another node",
    [
      ["h1", "n1"],
      ["h1", "n2"],
      ["h2", "n1"],
    ],
    undefined,
    2,
    [0, 2],
  ],
  [
    "another node before another zone",
    [
      ["h1", "n1", "z1"],
      ["h2", "n1", "z2"],
      ["h3", "n2", "z1"],
    ],
    undefined,
    2,
    [0, 2],
  ],
  ["what is not known as not shared", [["h1", "n1"], ["h2", "n1"], ["h3"]], undefined, 2, [0, 2]],
  ["one of each host before a second of any", [["h1"], ["h1"], ["h2"], ["h2"], ["h3"]], undefined, 5, [0, 2, 4, 1, 3]],
  ["near-equals of totals below 0", [["h1"], ["h1"], ["h2"], ["h3"]], [0, -0.5, -1, -10], 2, [0, 2]],
];

for (const [what, places, totals, wanted, picked] of rows) {
  test(`a diverse tail takes ${what}`, () => assert.deepEqual(tail(places, totals, wanted), picked));
}

const someTotal = fc.oneof(fc.double({ noNaN: true, min: -10, max: 10 }), fc.constantFrom(0, 1, -1, 1e300));
const somePlace = fc.tuple(
  fc.constantFrom("h1", "h2", "h3"),
  fc.constantFrom("", "n1", "n2"),
  fc.constantFrom("", "z1", "z2"),
);
const somePool = fc.array(fc.tuple(someTotal, somePlace), { minLength: 1, maxLength: 12 });

for (const type of ["max-score-picker", "random-picker", "weighted-random-picker"]) {
  const pick = (pool: readonly (readonly [number, Place])[], seed: number, maxNumOfEndpoints: number) => {
    const { profiles } = aPlan(`plugins: [{type: ${type}, parameters: {maxNumOfEndpoints: ${maxNumOfEndpoints}}}]`);
    const totals = Float64Array.from(pool.map(([total]) => total));
    const candidates = pool.map(([, place], i) => at(place, i));
    return profiles[0]?.picker.picker.pick(aCycle({ random: createRandom(seed) }), candidates, totals) ?? [];
  };

  test(`${type} picks the same first whatever the places, and legal others, none twice`, () => {
    fc.assert(
      fc.property(somePool, fc.integer(), fc.integer({ min: 2, max: 14 }), (pool, seed, wanted) => {
        const picked = pick(pool, seed, wanted);
        assert.equal(picked.length, Math.min(wanted, pool.length));
        assert.equal(new Set(picked).size, picked.length);
        for (const index of picked) assert.ok(index in pool);
        const elsewhere = pool.map(([total], i) => [total, [`other-${i}`]] as const);
        assert.equal(picked[0], pick(elsewhere, seed, wanted)[0]);
      }),
      { numRuns: 80 },
    );
  });

  test(`${type} ranks a longer list as it ranks its beginning`, () => {
    fc.assert(
      fc.property(somePool, fc.integer(), fc.integer({ min: 2, max: 14 }), (pool, seed, wanted) => {
        const all = pick(pool, seed, 1000);
        assert.deepEqual(pick(pool, seed, wanted), all.slice(0, wanted));
      }),
      { numRuns: 60 },
    );
  });
}

test("max-score-picker never takes one before another whose total is more than a tenth of the span greater", () => {
  fc.assert(
    fc.property(somePool, fc.integer(), (pool, seed) => {
      const { profiles } = aPlan("plugins: [{type: max-score-picker, parameters: {maxNumOfEndpoints: 1000}}]");
      const totals = pool.map(([total]) => total);
      const candidates = pool.map(([, place], i) => at(place, i));
      const cycle = aCycle({ random: createRandom(seed) });
      const picked = profiles[0]?.picker.picker.pick(cycle, candidates, Float64Array.from(totals)) ?? [];
      const ranked = picked.map((index) => totals[index] as number);
      const near = (Math.max(...totals) - Math.min(...totals)) * 0.1;
      for (const [i, total] of ranked.entries()) {
        const bestLater = Math.max(total, ...ranked.slice(i + 1));
        assert.ok(bestLater - total <= near, `${total} before ${bestLater}, span ${near * 10}`);
      }
    }),
    { numRuns: 100 },
  );
});
