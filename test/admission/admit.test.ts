import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AdmissionDeps, admit } from "../../src/admission/admit.ts";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { createRandom } from "../../src/lib/random.ts";
import type { HostMetadata } from "../../src/routing/subset.ts";
import { routeRequest } from "../../src/routing/route-request.ts";
import { schedule } from "../../src/scheduling/schedule.ts";
import { anEndpoint } from "../support/an-endpoint.ts";
import { aPlan } from "../support/a-plan.ts";
import { aRequest } from "../support/a-request.ts";

const plan = aPlan();
const unknownRate = { perSecond: () => undefined };
const byDefault: AdmissionDeps = { detector: plan.detector?.detector, completions: unknownRate };

/** How a request of `priority` ends: its endpoint, or status reason and Retry-After. */
function outcome(priority: number, pool: readonly Endpoint[], metadata?: HostMetadata): string {
  let scheduled = 0;
  const decision = routeRequest(aRequest({ priority }), metadata, {
    nowMs: () => 0,
    snapshot: () => pool,
    admit: (request, candidates) => admit(request, candidates, byDefault),
    schedule: (request, candidates) => {
      scheduled++;
      return schedule(request, candidates, { nowMs: 0, random: createRandom(1), plan });
    },
  });
  if (decision.kind === "forward") return decision.picked.endpoints[0].name;
  assert.equal(scheduled, 0, "a request that is refused before scheduling is not scheduled");
  assert.equal(decision.isShed ?? false, decision.reason === "rejected-saturated");
  return [decision.reason, decision.retryAfterSeconds].filter((part) => part !== undefined).join(" ");
}

test("without a config the detector is a utilization-detector", () => {
  assert.equal(plan.detector?.type, "utilization-detector");
});

const full = anEndpoint("full", { waiting: 5, kv: 0, host: "10.0.0.1" });
const idle = anEndpoint("idle", { waiting: 0, kv: 0, host: "10.0.0.2" });
const silent = anEndpoint("silent", { host: "10.0.0.3" });
const gone = anEndpoint("gone", { waiting: 0, kv: 0, host: "10.0.0.4", lastResort: true });
const subset = (...hosts: string[]): HostMetadata => ({
  "envoy.lb.subset_hint": { "x-gateway-destination-endpoint-subset": hosts },
});

const rows: [what: string, priority: number, pool: Endpoint[], want: string, metadata?: HostMetadata][] = [
  ["D12 a sheddable request on a full pool", -1, [full], "rejected-saturated 1"],
  ["D12 a sheddable request below saturation", -1, [full, idle], "idle"],
  ["D12 priority 0 on a full pool", 0, [full], "full"],
  ["D12 a positive priority on a full pool", 5, [full], "full"],
  ["D12 a sheddable request on an empty pool", -1, [], "rejected-no-endpoints"],
  ["D12 priority 0 on an empty pool", 0, [], "rejected-no-endpoints"],
  ["D3 the least of priorities", Number.MIN_SAFE_INTEGER, [full], "rejected-saturated 1"],
  ["silence", -1, [silent], "silent"],
  ["silence beside a full endpoint", -1, [full, silent], "rejected-saturated 1"],
  ["an idle endpoint outside of the subset", -1, [full, idle], "rejected-saturated 1", subset("10.0.0.1")],
  [
    "a full endpoint outside of the subset",
    -1,
    [{ ...full, signals: anEndpoint("x", { waiting: 50 }).signals }, idle],
    "idle",
    subset("10.0.0.2"),
  ],
  ["an empty subset of a full pool", -1, [full], "rejected-no-endpoints", subset("10.9.9.9")],
  ["an endpoint that refuses connections beside a full one", -1, [full, gone], "rejected-saturated 1"],
  ["only endpoints that refuse connections", -1, [gone], "gone"],
];
for (const [what, priority, pool, want, metadata] of rows) {
  test(`admission: ${what}: ${want}`, () => assert.equal(outcome(priority, pool, metadata), want));
}

test("a request of priority 0 or more is always admitted, whatever the detector says", () => {
  const saturation = fc.oneof(fc.double(), fc.constantFrom(1, Number.POSITIVE_INFINITY, Number.NaN));
  fc.assert(
    fc.property(fc.integer(), saturation, saturation, (priority, full, load) => {
      const detector = { saturation: () => full, load: () => load };
      const shed = admit(aRequest({ priority }), [idle], { detector, completions: unknownRate });
      assert.equal(shed !== undefined, priority < 0 && full >= 1);
    }),
  );
});

test("without a detector everything is admitted", () => {
  assert.equal(admit(aRequest({ priority: -1 }), [full], { ...byDefault, detector: undefined }), undefined);
});

test("Retry-After comes from the load and the rate of completions", () => {
  const pool = [anEndpoint("a", { waiting: 50, kv: 0 })];
  const deps = { ...byDefault, completions: { perSecond: () => 4 } };
  assert.deepEqual(admit(aRequest({ priority: -1 }), pool, deps), { retryAfterSeconds: 12 });
});
