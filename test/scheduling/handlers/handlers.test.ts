import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../../src/lib/random.ts";
import { prepare } from "../../../src/routing/prepare.ts";
import { schedule } from "../../../src/scheduling/schedule.ts";
import { aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";

const twoProfiles = (parameters = "{}"): string => `plugins:
  - {type: header-profile-handler, parameters: ${parameters}}
  - {type: decode-filter}
  - {type: prefill-filter}
schedulingProfiles:
  - {name: decode, plugins: [{pluginRef: decode-filter}]}
  - {name: prefill, plugins: [{pluginRef: prefill-filter}]}
`;
const pool = ["decode", "prefill"].map((role) => anEndpoint(role, { labels: { "llm-d.ai/role": role } }));

/** Name of the endpoint that a request with these headers goes to, or why to none. */
function outcome(config: string, headers: Record<string, string>): string {
  const plan = aPlan(config);
  const decision = schedule(aRequest({ headers }), pool, { nowMs: 0, random: createRandom(1), plan });
  if (decision.kind === "picked") return decision.endpoints[0].name;
  return decision.kind === "denied" ? `${decision.denial.code}: ${decision.denial.message}` : decision.reason;
}

const rows: [what: string, config: string, headers: Record<string, string>, outcome: string][] = [
  ["the profile that the header names", twoProfiles(), { "epp-profile": "prefill" }, "prefill"],
  ["the name without spaces around it", twoProfiles(), { "epp-profile": " prefill " }, "prefill"],
  ["the default without the header", twoProfiles(), {}, "decode"],
  ["the default for a blank header", twoProfiles(), { "epp-profile": "  " }, "decode"],
  ["another default", twoProfiles("{defaultProfile: prefill}"), {}, "prefill"],
  ["another header", twoProfiles("{headerName: X-Stage}"), { "x-stage": "prefill", "epp-profile": "none" }, "prefill"],
  [
    "nothing for a name that no profile has",
    twoProfiles(),
    { "epp-profile": "Prefill" },
    'ResourceExhausted: failed to find target endpoint: header "epp-profile" names no profile',
  ],
  [
    "the only profile whatever the header says",
    "plugins: [{type: header-profile-handler}, {type: prefill-filter}]",
    { "epp-profile": "none" },
    "prefill",
  ],
];

for (const [what, config, headers, wanted] of rows) {
  test(`header-profile-handler runs ${what}`, () => assert.equal(outcome(config, headers), wanted));
}

test("header-profile-handler reads its header in lower case", () => {
  assert.deepEqual(aPlan(twoProfiles()).requestHeaders, ["epp-profile"]);
  assert.deepEqual(aPlan(twoProfiles("{headerName: X-Stage}")).requestHeaders, ["x-stage"]);
});

for (const [host, primary, rank] of [
  ["10.0.0.1", "10.0.0.1:9000", "10.0.0.1:8003"],
  ["2001:db8::1", "[2001:db8::1]:9000", "[2001:db8::1]:8003"],
] as const) {
  test(`data-parallel-profile-handler sends to the primary port of ${host} and names the rank`, () => {
    const plan = aPlan("plugins: [{type: data-parallel-profile-handler, parameters: {primaryPort: 9000}}]");
    const ranks = [anEndpoint("pod-rank-3", { host, port: 8003 })];
    const picked = schedule(aRequest(), ranks, { nowMs: 0, random: createRandom(1), plan });
    assert.ok(picked.kind === "picked");
    assert.deepEqual(prepare(plan, picked), {
      kind: "prepared",
      destination: primary,
      headers: [["x-data-parallel-host-port", rank]],
    });
  });
}

test("data-parallel-profile-handler lists no further endpoint: its header holds for one rank", () => {
  const plan = aPlan(`plugins:
  - {type: data-parallel-profile-handler}
  - {type: queue-scorer}
  - {type: max-score-picker, parameters: {maxNumOfEndpoints: 2}}
`);
  const ranks = [1, 0].map((waiting) =>
    anEndpoint(`rank-${waiting}`, { host: `10.0.0.${waiting}`, port: 8005, waiting }),
  );
  const picked = schedule(aRequest(), ranks, { nowMs: 0, random: createRandom(1), plan });
  assert.ok(picked.kind === "picked");
  assert.equal(picked.endpoints.length, 2);
  assert.deepEqual(prepare(plan, picked), {
    kind: "prepared",
    destination: "10.0.0.0:8000",
    headers: [["x-data-parallel-host-port", "10.0.0.0:8005"]],
  });
});
