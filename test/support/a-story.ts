import type { DecisionRecord } from "../../src/decisions/decision-record.ts";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { z } from "../../src/lib/schema.ts";
import { definePlugin } from "../../src/scheduling/plugin.ts";
import { noteDispatched, schedule } from "../../src/scheduling/schedule.ts";
import { aDecision } from "./a-decision.ts";
import { aPlan, aRegistry } from "./a-plan.ts";
import { aRequest } from "./a-request.ts";
import { anEndpoint, type EndpointTraits } from "./an-endpoint.ts";

/** Keeps endpoints whose label has a value; says which value the others had. */
export const labelFilter = definePlugin<{ label: string; value: string }>({
  type: "label-filter",
  summary: "Keeps endpoints with a label's value.",
  parameters: z.strictObject({ label: z.string(), value: z.string() }),
  roles: ["filter"],
  create: ({ label, value }) => ({
    filter: {
      looksAt: `label ${label}`,
      filter: (_cycle, candidates) => candidates.filter(({ labels }) => labels[label] === value),
      found: (_cycle, { labels }) => labels[label],
    },
  }),
});

/** What a request sees in `signals` that this picker has moved since the sample. */
function corrected(endpoint: Endpoint, waitingNow: number): Endpoint {
  const { waitingRequests } = endpoint.signals;
  const moved = { ...waitingRequests, value: waitingNow, scraped: waitingRequests.value, source: "corrected" as const };
  return { ...endpoint, signals: { ...endpoint.signals, waitingRequests: moved } };
}

const prompt = "You are the assistant of a library. ".repeat(30);

/** The decision that the README shows: six servers, one without the tier asked for, one that refuses connections. */
export function storyDecision(): DecisionRecord {
  const registry = aRegistry([labelFilter]);
  const plan = aPlan(
    `
plugins:
  - { type: label-filter, name: tier, parameters: { label: tier, value: gold } }
  - { type: queue-scorer }
  - { type: kv-cache-utilization-scorer }
  - { type: prefix-cache-scorer }
schedulingProfiles:
  - name: default
    plugins:
      - { pluginRef: tier }
      - { pluginRef: queue-scorer, weight: 2 }
      - { pluginRef: kv-cache-utilization-scorer, weight: 2 }
      - { pluginRef: prefix-cache-scorer, weight: 3 }
`,
    registry,
  );
  const gold = { tier: "gold" };
  const server = (index: number, traits: EndpointTraits): Endpoint =>
    anEndpoint(`vllm-${index}`, {
      host: `10.0.0.${7 + index}`,
      labels: gold,
      sampledAtMs: -30 * index - 10,
      ...traits,
    });
  const endpoints = [
    server(0, { waiting: 2, running: 14, kv: 0.61, inFlight: 11 }),
    corrected(server(1, { waiting: 0, running: 9, kv: 0.42, inFlight: 8 }), 3),
    server(2, { inFlight: 5 }),
    server(3, { waiting: 9, running: 16, kv: 0.88, inFlight: 20 }),
    server(4, { waiting: 0, running: 1, kv: 0.03, labels: { tier: "bronze" } }),
    server(5, { waiting: 0, running: 0, kv: 0, lastResort: true }),
  ];
  const request = aRequest({
    requestId: "7d0c9a4e-5f3b-4c57-9a51-6d2f0b8c3e11",
    kind: "chat-completions",
    model: "llama-3-8b",
    prompt: `${prompt}Which book is due?`,
    maxOutputTokens: 64,
  });
  const context = { nowMs: 0, random: () => 0, plan };
  const earlier = schedule({ ...request, prompt: new TextEncoder().encode(prompt) }, endpoints.slice(1, 2), context);
  if (earlier.kind === "picked") noteDispatched(plan, earlier);
  return aDecision({ endpoints, request, plan });
}
