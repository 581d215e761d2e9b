import assert from "node:assert/strict";
import { test } from "node:test";
import { aPlan } from "../../support/a-plan.ts";
import { anEndpoint, type EndpointTraits } from "../../support/an-endpoint.ts";
import { keptBy } from "../../support/a-cycle.ts";

type Condition = readonly [metric: string, maxValue: number];

function kept(conditions: readonly Condition[], traits: readonly EndpointTraits[], fallbackOnEmpty = false): string[] {
  const parameters = { conditions: conditions.map(([metric, maxValue]) => ({ metric, maxValue })), fallbackOnEmpty };
  const plan = aPlan(`plugins: [{type: utilization-filter, parameters: ${JSON.stringify(parameters)}}]`);
  return keptBy(
    plan,
    traits.map((some, i) => anEndpoint(String(i), some)),
  );
}

const rows: [what: string, conditions: Condition[], traits: EndpointTraits[], names: string[]][] = [
  ["one endpoint under the limit", [["waiting-queue", 4]], [{ waiting: 3 }], ["0"]],
  ["one endpoint at the limit", [["waiting-queue", 4]], [{ waiting: 4 }], ["0"]],
  ["nobody when the only one is above it", [["waiting-queue", 4]], [{ waiting: 5 }], []],
  ["equal ones together", [["kv-cache-utilization", 0.9]], [{ kv: 0.9 }, { kv: 0.9 }], ["0", "1"]],
  ["by KV cache", [["kv-cache-utilization", 0.9]], [{ kv: 0.91 }, { kv: 0 }], ["1"]],
  ["by running requests", [["running-requests", 8]], [{ running: 9 }, { running: 8 }], ["1"]],
  ["by what this picker sent there", [["active-requests", 2]], [{ inFlight: 3 }, { inFlight: 2 }, {}], ["1", "2"]],
  [
    "those of which all conditions hold",
    [
      ["waiting-queue", 4],
      ["kv-cache-utilization", 0.9],
    ],
    [
      { waiting: 0, kv: 0.95 },
      { waiting: 9, kv: 0 },
      { waiting: 4, kv: 0.9 },
    ],
    ["2"],
  ],
  ["a limit of 0", [["waiting-queue", 0]], [{ waiting: 0 }, { waiting: 1 }], ["0"]],
  [
    "what is not known",
    [
      ["waiting-queue", 4],
      ["kv-cache-utilization", 0.9],
    ],
    [{}, { waiting: 9 }],
    ["0"],
  ],
  [
    "what no server can mean, as unknown",
    [["kv-cache-utilization", 0.5]],
    [{ kv: Number.NaN }, { kv: -1 }, { kv: 1.2 }, { kv: Number.POSITIVE_INFINITY }, { kv: 0.6 }],
    ["0", "1", "2", "3"],
  ],
];

for (const [what, conditions, traits, names] of rows) {
  test(`utilization-filter keeps ${what}`, () => assert.deepEqual(kept(conditions, traits), names));
}

test("utilization-filter takes no notice of a count of all that ever ran", () => {
  const total = anEndpoint("0");
  const signals = { ...total.signals, runningRequests: { value: 1e6, sampledAtMs: 0, source: "total" as const } };
  const parameters = '{"conditions": [{"metric": "running-requests", "maxValue": 1}]}';
  const plan = aPlan(`plugins: [{type: utilization-filter, parameters: ${parameters}}]`);
  assert.deepEqual(keptBy(plan, [{ ...total, signals }]), ["0"]);
});

test("utilization-filter keeps all when it would leave nobody and fallbackOnEmpty is set", () => {
  assert.deepEqual(kept([["waiting-queue", 1]], [{ waiting: 2 }, { waiting: 3 }], true), ["0", "1"]);
  assert.deepEqual(kept([["waiting-queue", 2]], [{ waiting: 2 }, { waiting: 3 }], true), ["0"]);
});
