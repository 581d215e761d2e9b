import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { createRandom } from "../../src/lib/random.ts";
import { explain } from "../../src/scheduling/explain.ts";
import { schedule } from "../../src/scheduling/schedule.ts";
import { type EndpointTraits, anEndpoint } from "../support/an-endpoint.ts";
import { aPlan, traceOf } from "../support/a-plan.ts";
import { aRequest } from "../support/a-request.ts";

/** What one scorer gives each endpoint: [raw value, score]. */
function ratingsOf(type: string, endpoints: readonly Endpoint[], model = "base"): (readonly [number | null, number])[] {
  const context = { nowMs: 0, random: createRandom(1), plan: aPlan(`plugins: [{type: ${type}}]`) };
  const trace = traceOf(schedule(aRequest({ model, prompt: "a prompt" }), endpoints, context));
  return explain(trace).candidates.map(({ scores }) => [scores[0]?.raw ?? null, scores[0]?.score ?? Number.NaN]);
}

type Row = readonly [
  what: string,
  endpoints: EndpointTraits[],
  ratings: (readonly [raw: number | null, score: number])[],
];

/** The same rule on two signals. */
const countRows = (of: (count: number) => EndpointTraits): Row[] => [
  ["one endpoint", [of(7)], [[7, 1]]],
  [
    "equal counts",
    [of(3), of(3)],
    [
      [3, 1],
      [3, 1],
    ],
  ],
  [
    "counts of zero",
    [of(0), of(0)],
    [
      [0, 1],
      [0, 1],
    ],
  ],
  [
    "a spread, linearly",
    [of(0), of(6), of(8)],
    [
      [0, 1],
      [6, 0.25],
      [8, 0],
    ],
  ],
  [
    "an unknown count as the mean of the known",
    [of(0), {}, of(8)],
    [
      [0, 1],
      [null, 0.5],
      [8, 0],
    ],
  ],
  [
    "unknown beside equal counts",
    [of(5), {}],
    [
      [5, 1],
      [null, 1],
    ],
  ],
  [
    "nothing known",
    [{}, {}],
    [
      [null, 0.5],
      [null, 0.5],
    ],
  ],
  [
    "counts that no server can mean",
    [of(Number.NaN), of(-1), of(Infinity), of(2)],
    [
      [null, 1],
      [null, 1],
      [null, 1],
      [2, 1],
    ],
  ],
];

const tables: Record<string, Row[]> = {
  "queue-scorer": countRows((waiting) => ({ waiting })),
  "running-requests-size-scorer": countRows((running) => ({ running })),
  "kv-cache-utilization-scorer": [
    ["one endpoint", [{ kv: 0.25 }], [[0.25, 0.75]]],
    [
      "equal shares",
      [{ kv: 0.5 }, { kv: 0.5 }],
      [
        [0.5, 0.5],
        [0.5, 0.5],
      ],
    ],
    [
      "the bounds",
      [{ kv: 0 }, { kv: 1 }],
      [
        [0, 1],
        [1, 0],
      ],
    ],
    [
      "an unknown share as the mean of the known",
      [{ kv: 0 }, {}, { kv: 0.5 }],
      [
        [0, 1],
        [null, 0.75],
        [0.5, 0.5],
      ],
    ],
    [
      "nothing known",
      [{}, {}],
      [
        [null, 0.5],
        [null, 0.5],
      ],
    ],
    [
      "shares out of range as unknown",
      [{ kv: 1.5 }, { kv: -0.1 }, { kv: Number.NaN }, { kv: 0.9 }],
      [
        [null, 1 - 0.9],
        [null, 1 - 0.9],
        [null, 1 - 0.9],
        [0.9, 1 - 0.9],
      ],
    ],
  ],
  "lora-affinity-scorer": [
    ["one endpoint", [{ adapters: { running: new Set(["base"]) } }], [[1, 1]]],
    [
      "an adapter both running and waiting as two slots",
      [{ adapters: { running: new Set(["x"]), waiting: new Set(["x"]), maxAdapters: 2 } }],
      [[2, 0]],
    ],
    ["no slots where the server names none", [{ adapters: {} }], [[0, 0]]],
    [
      "a page read without the family as no adapters",
      [{ waiting: 0 }, { adapters: { maxAdapters: 1 } }],
      [
        [0, 0],
        [0, 0.8],
      ],
    ],
    [
      "a page never read as the mean of the known",
      [{}, { adapters: { maxAdapters: 1 } }, { waiting: 1 }],
      [
        [null, 0.4],
        [0, 0.8],
        [0, 0],
      ],
    ],
    [
      "nothing known",
      [{}, {}],
      [
        [null, 0.5],
        [null, 0.5],
      ],
    ],
  ],
  "prefix-cache-scorer": [
    ["one endpoint that was sent nothing", [{}], [[0, 0]]],
    [
      "all equal",
      [{}, {}],
      [
        [0, 0],
        [0, 0],
      ],
    ],
  ],
};

for (const [type, rows] of Object.entries(tables)) {
  for (const [what, traits, ratings] of rows) {
    test(`${type} rates ${what}`, () => {
      const endpoints = traits.map((some, i) => anEndpoint(`server-${i}`, some));
      assert.deepEqual(ratingsOf(type, endpoints), ratings);
    });
  }
}

test("what a server does not have is rated as 0, and leaves nothing unread", () => {
  const absent = { value: undefined, sampledAtMs: 0, source: "absent" } as const;
  const bare = anEndpoint("bare");
  const silent = anEndpoint("silent");
  const signals = { ...bare.signals, waitingRequests: absent, runningRequests: absent, kvCacheRatio: absent };
  const pool = [anEndpoint("busy", { waiting: 4, running: 4, kv: 0.5 }), { ...bare, signals }];
  const rated = (type: string): number[] => ratingsOf(type, pool).map(([, score]) => score);
  assert.deepEqual(rated("queue-scorer"), [0, 1]);
  assert.deepEqual(rated("running-requests-size-scorer"), [0, 1]);
  assert.deepEqual(rated("kv-cache-utilization-scorer"), [0.5, 1]);
  const adapters = ratingsOf("lora-affinity-scorer", [{ ...bare, signals }, silent]);
  assert.deepEqual(adapters, [
    [0, 0],
    [null, 0],
  ]);
});

test("H5 lora-affinity-scorer prefers running over a free slot over waiting over full", () => {
  const states = [
    { running: new Set(["x"]), maxAdapters: 1 },
    { waiting: new Set(["sql"]), maxAdapters: 1 },
    { running: new Set(["x"]), maxAdapters: 2 },
    { running: new Set(["sql"]), maxAdapters: 1 },
  ];
  const endpoints = states.map((adapters, i) => anEndpoint(`server-${i}`, { adapters }));
  assert.deepEqual(
    ratingsOf("lora-affinity-scorer", endpoints, "sql").map(([, score]) => score),
    [0, 0.6, 0.8, 1],
  );
});
