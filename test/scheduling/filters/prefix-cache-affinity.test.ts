import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../../../src/datastore/endpoint.ts";
import { PrefixMatch } from "../../../src/scheduling/prefix/prefix-match.ts";
import { aPlan } from "../../support/a-plan.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";
import { aCycle } from "../../support/a-cycle.ts";

/** `matched` of 10 blocks, `backlog` tokens of prompts sent there and still to be computed. */
interface Holder {
  readonly matched: number;
  readonly backlog?: number;
}

class Held extends PrefixMatch {
  readonly #holders: readonly Holder[];

  constructor(totalBlocks: number, holders: readonly Holder[]) {
    super(totalBlocks, 64);
    this.#holders = holders;
  }

  protected override look({ name }: Endpoint): number {
    return this.#holders[Number(name)]?.matched ?? 0;
  }
}

function kept(holders: readonly Holder[], parameters: object = {}, draws: number[] = [], totalBlocks = 10): string[] {
  const plan = aPlan(`plugins: [{type: prefix-cache-affinity-filter, parameters: ${JSON.stringify(parameters)}}]`);
  const cycle = aCycle({ random: () => draws.shift() ?? assert.fail("nothing is left to draw") });
  const endpoints = holders.map(({ backlog = 0 }, i) => anEndpoint(String(i), { prefillTokens: backlog }));
  cycle.produced.set("approx-prefix-cache-producer", new Held(totalBlocks, holders));
  const filtered = plan.profiles[0]?.filters[0]?.filter.filter(cycle, endpoints) ?? [];
  return filtered.map(({ name }) => name);
}

const rows: [what: string, holders: Holder[], parameters: object, names: string[]][] = [
  ["one endpoint whatever it holds", [{ matched: 0 }], {}, ["0"]],
  ["all when nobody holds enough", [{ matched: 7 }, { matched: 0 }], {}, ["0", "1"]],
  ["all when all hold enough", [{ matched: 8 }, { matched: 10 }], {}, ["0", "1"]],
  ["those that hold enough", [{ matched: 8 }, { matched: 7 }, { matched: 10 }], {}, ["0", "2"]],
  ["all at a threshold of 0", [{ matched: 0 }, { matched: 10 }], { affinityThreshold: 0 }, ["0", "1"]],
  ["only whole matches at a threshold of 1", [{ matched: 9 }, { matched: 10 }], { affinityThreshold: 1 }, ["1"]],
  [
    "holders that are as fast",
    [
      { matched: 10, backlog: 5 },
      { matched: 0, backlog: 5 },
    ],
    {},
    ["0"],
  ],
  // 1000 tokens a second: a token is a millisecond.
  [
    "holders at the penalty",
    [
      { matched: 10, backlog: 150 },
      { matched: 0, backlog: 50 },
    ],
    { maxTTFTPenaltyMs: 100, peakPrefillThroughput: 1000 },
    ["0"],
  ],
  [
    "all when holders are slower than the penalty",
    [
      { matched: 10, backlog: 151 },
      { matched: 0, backlog: 50 },
    ],
    { maxTTFTPenaltyMs: 100, peakPrefillThroughput: 1000 },
    ["0", "1"],
  ],
  [
    "all holders while the best of them is fast",
    [
      { matched: 10, backlog: 999 },
      { matched: 9, backlog: 9 },
      { matched: 0, backlog: 0 },
    ],
    { maxTTFTPenaltyMs: 100, peakPrefillThroughput: 1000 },
    ["0", "1"],
  ],
  [
    "holders whatever it takes at a penalty of 0",
    [
      { matched: 10, backlog: 1e9 },
      { matched: 0, backlog: 0 },
    ],
    { maxTTFTPenaltyMs: 0 },
    ["0"],
  ],
];

for (const [what, holders, parameters, names] of rows) {
  test(`prefix-cache-affinity-filter keeps ${what}`, () => assert.deepEqual(kept(holders, parameters), names));
}

test("prefix-cache-affinity-filter keeps all for a prompt that is empty or unknown", () => {
  assert.deepEqual(kept([{ matched: 0 }, { matched: 0 }], {}, [], 0), ["0", "1"]);
});

test("prefix-cache-affinity-filter explores with the configured odds, and draws only then", () => {
  const holders = [{ matched: 10 }, { matched: 0 }];
  const parameters = { explorationProbability: 0.25 };
  assert.deepEqual(kept(holders, parameters, [0.24]), ["0", "1"]);
  assert.deepEqual(kept(holders, parameters, [0.25]), ["0"]);
});
