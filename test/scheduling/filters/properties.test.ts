import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { builtInRegistry } from "../../../src/config/registry.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { noteDispatched, schedule } from "../../../src/scheduling/schedule.ts";
import { aCycle, keptBy } from "../../support/a-cycle.ts";
import { aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";

/** Parameters that make a filter take something out; a filter that is not named here has none to give. */
const parameters: Readonly<Record<string, string>> = {
  "label-selector-filter": "{matchLabels: {tier: gold}}",
  "by-label-selector": "{matchExpressions: [{key: tier, operator: NotIn, values: [gold]}]}",
  "by-label": "{label: tier, validValues: [gold], allowsNoLabel: true}",
  "utilization-filter":
    "{conditions: [{metric: waiting-queue, maxValue: 2}, {metric: kv-cache-utilization, maxValue: 0.5}]}",
  "prefix-cache-affinity-filter": "{affinityThreshold: 0.5, maxTTFTPenaltyMs: 50, explorationProbability: 0.2}",
  "session-affinity-filter": "{strategy: session_id}",
};

const filters = builtInRegistry.types.filter((type) => builtInRegistry.find(type)?.roles.includes("filter"));

const odd = fc.oneof(fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 0, 1, 2 ** 53), fc.double());
const traits = fc.record({
  waiting: odd,
  kv: odd,
  running: odd,
  inFlight: fc.nat(5),
  prefillTokens: fc.nat(5000),
  host: fc.constantFrom("10.0.0.1", "10.0.0.2", "2001:db8::1"),
  labels: fc.dictionary(
    fc.constantFrom("tier", "llm-d.ai/role", "__proto__"),
    fc.constantFrom("gold", "decode", "both", "", "encode"),
  ),
});
const headers = fc.record({
  "x-session-id": fc.constantFrom("s1", "s2", ""),
  "test-epp-endpoint-selection": fc.oneof(fc.constantFrom("10.0.0.1", "[2001:db8::1]:8000", ",,"), fc.string()),
});

for (const type of filters) {
  test(`${type} returns candidates only, each once, in their order, and the same for a seed`, () => {
    const plan = aPlan(`plugins: [{type: ${type}, parameters: ${parameters[type] ?? "{}"}}]`);
    fc.assert(
      fc.property(fc.array(traits, { maxLength: 8 }), headers, fc.integer(), (pool, given, seed) => {
        const candidates = pool.map((some, i) => anEndpoint(String(i), { ...some, port: 8000 + i }));
        const request = aRequest({ headers: given, prompt: "a shared prompt" });
        const kept = (): string[] => keptBy(plan, candidates, aCycle({ request, random: createRandom(seed) }));
        const once = kept();
        const names = candidates.map(({ name }) => name);
        assert.deepEqual(
          once,
          names.filter((name) => once.includes(name)),
        );
        assert.deepEqual(kept(), once);
        const decision = schedule(request, candidates, { nowMs: 0, random: createRandom(seed), plan });
        if (decision.kind === "picked") noteDispatched(plan, decision);
        else assert.equal(once.length, 0);
      }),
      { numRuns: 60 },
    );
  });
}
