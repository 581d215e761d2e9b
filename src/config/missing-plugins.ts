/** Plugin types of the reference (protocol 6.4 to 6.8) that this version does not have, by what they are. */
const missingByKind = {
  scorer: [
    "latency-scorer",
    "precise-prefix-cache-scorer",
    "mm-embeddings-cache-scorer",
    "topology-affinity-scorer",
    "endpoint-attribute-scorer",
  ],
  filter: ["endpoint-attribute-filter", "slo-headroom-tier-filter", "topology-affinity-filter"],
  profileHandler: ["disagg-profile-handler", "pd-profile-handler", "disagg-headers-handler", "prefill-header-handler"],
  decider: ["prefix-based-pd-decider", "always-disagg-pd-decider", "always-disagg-multimodal-decider"],
  producer: [
    "precise-prefix-cache-producer",
    "predicted-latency-producer",
    "mm-embeddings-cache-producer",
    "burst-prefix-cache-producer",
    "p2p-source-producer",
  ],
  admission: [
    "latency-slo-admitter",
    "global-strict-fairness-policy",
    "round-robin-fairness-policy",
    "program-aware-fairness",
    "fcfs-ordering-policy",
    "edf-ordering-policy",
    "slo-deadline-ordering-policy",
    "static-usage-limit-policy",
    "priority-holdback-policy",
    "soft-reflective-ceiling-policy",
  ],
  parser: ["vertexai-parser"],
  reporter: ["request-attribute-reporter"],
  data: [
    "models-data-source",
    "models-data-extractor",
    "dcgm-data-source",
    "dcgm-extractor",
    "topology-extractor",
    "k8s-notification-source",
    "endpoint-notification-source",
    "file-discovery",
  ],
  other: ["agent-identity", "disaggregatedset-rollout-screener"],
} as const;

/** What a missing plugin type is. */
export type MissingKind = keyof typeof missingByKind;

/** The reference's plugin types that are refused by name, with what they are. */
export const missingPlugins: ReadonlyMap<string, MissingKind> = new Map(
  Object.entries(missingByKind).flatMap(([kind, types]) => types.map((type) => [type, kind as MissingKind])),
);

/** What a config can do instead, by kind; kinds with a role of their own list the types that are available. */
export const missingHints: Readonly<Partial<Record<MissingKind, string>>> = {
  admission: "nothing is queued; a utilization-detector or concurrency-detector sheds requests of a priority below 0",
  parser: "passthrough-parser forwards its requests as they are, openai-parser reads the same APIs over HTTP",
  reporter: "usage goes to the metrics of docs/metrics.md, not to the gateway",
  data: "metrics are read by metrics-data-source, endpoints come from the command line",
};
