import { noParameters } from "../parameters.ts";
import { definePlugin, type PluginDefinition } from "../plugin.ts";
import { allows, labelOf } from "./label-selector.ts";

/** Label that says which stages of a request an endpoint serves. */
const roleLabel = "llm-d.ai/role";

interface Stage {
  readonly type: string;
  readonly summary: string;
  /** Values of the label that serve the stage. */
  readonly roles: readonly string[];
  /** Endpoints without the label serve it too. */
  readonly allowsNoLabel: boolean;
}

const stages: readonly Stage[] = [
  {
    type: "decode-filter",
    summary: "Keeps the endpoints that decode, and those without a role.",
    roles: ["decode", "prefill-decode", "both", "encode-prefill-decode"],
    allowsNoLabel: true,
  },
  {
    type: "prefill-filter",
    summary: "Keeps the endpoints that prefill.",
    roles: ["prefill", "encode-prefill", "prefill-decode", "both", "encode-prefill-decode"],
    allowsNoLabel: false,
  },
  {
    type: "encode-filter",
    summary: "Keeps the endpoints that encode.",
    roles: ["encode", "encode-prefill", "encode-prefill-decode"],
    allowsNoLabel: false,
  },
];

/** Filters by the label `llm-d.ai/role` (protocol 6.5): decode, prefill, encode, in that order. */
export const roleFilters: readonly PluginDefinition[] = stages.map(({ type, summary, roles, allowsNoLabel }) => {
  const valid = new Set(roles);
  return definePlugin({
    type,
    summary,
    parameters: noParameters,
    roles: ["filter"],
    create: () => ({
      filter: {
        filter: (_cycle, candidates) =>
          candidates.filter(({ labels }) => allows(labelOf(labels, roleLabel), valid, allowsNoLabel)),
      },
    }),
  });
});
