/** Values that stand for a moment. */
export const gaugeNames = ["waiting", "running", "kvCacheRatio"] as const;
export type GaugeName = (typeof gaugeNames)[number];

/** Totals that only grow. */
export const counterNames = [
  "promptTokens",
  "generationTokens",
  "finishedRequests",
  "preemptions",
  "prefixQueryTokens",
  "prefixHitTokens",
] as const;
export type CounterName = (typeof counterNames)[number];

/** Distributions. */
export const histogramNames = [
  "ttftSeconds",
  "itlSeconds",
  "e2eSeconds",
  "queueSeconds",
  "promptLength",
  "generationLength",
  "stepTokens",
  "computedPromptTokens",
] as const;
export type HistogramName = (typeof histogramNames)[number];

/** What a series of a model server says. */
export type MetricRole =
  | { readonly kind: "gauge"; readonly name: GaugeName }
  /** Parts of `waiting` by their reason; counts where the whole is missing. */
  | { readonly kind: "waiting-part" }
  | { readonly kind: "counter"; readonly name: CounterName }
  | { readonly kind: "bucket" | "sum" | "count"; readonly name: HistogramName }
  | { readonly kind: "adapters" }
  | { readonly kind: "cache-info" };

const gauges: Readonly<Record<string, GaugeName>> = {
  "vllm:num_requests_waiting": "waiting",
  "vllm:num_requests_running": "running",
  "vllm:kv_cache_usage_perc": "kvCacheRatio",
  "vllm:gpu_cache_usage_perc": "kvCacheRatio",
  "sglang:num_queue_reqs": "waiting",
  "sglang:num_running_reqs": "running",
  "sglang:token_usage": "kvCacheRatio",
  trtllm_num_requests_waiting: "waiting",
  trtllm_num_requests_running: "running",
  trtllm_kv_cache_utilization: "kvCacheRatio",
};

/** Names without `_total`, which text formats have or leave out. */
const counters: Readonly<Record<string, CounterName>> = {
  "vllm:prompt_tokens": "promptTokens",
  "vllm:generation_tokens": "generationTokens",
  "vllm:request_success": "finishedRequests",
  "vllm:num_preemptions": "preemptions",
  "vllm:prefix_cache_queries": "prefixQueryTokens",
  "vllm:prefix_cache_hits": "prefixHitTokens",
  "vllm:gpu_prefix_cache_queries": "prefixQueryTokens",
  "vllm:gpu_prefix_cache_hits": "prefixHitTokens",
  "sglang:prompt_tokens": "promptTokens",
  "sglang:generation_tokens": "generationTokens",
  "sglang:num_requests": "finishedRequests",
};

const histograms: Readonly<Record<string, HistogramName>> = {
  "vllm:time_to_first_token_seconds": "ttftSeconds",
  "vllm:inter_token_latency_seconds": "itlSeconds",
  "vllm:time_per_output_token_seconds": "itlSeconds",
  "vllm:e2e_request_latency_seconds": "e2eSeconds",
  "vllm:request_queue_time_seconds": "queueSeconds",
  "vllm:request_prompt_tokens": "promptLength",
  "vllm:request_generation_tokens": "generationLength",
  "vllm:iteration_tokens_total": "stepTokens",
  "vllm:request_prefill_kv_computed_tokens": "computedPromptTokens",
  "sglang:time_to_first_token_seconds": "ttftSeconds",
  "sglang:inter_token_latency_seconds": "itlSeconds",
  "sglang:e2e_request_latency_seconds": "e2eSeconds",
};

const suffixes = { _bucket: "bucket", _sum: "sum", _count: "count" } as const;

/** Of two names for one thing the newer: a page that has both counts it once. */
const older: ReadonlySet<string> = new Set([
  "vllm:gpu_cache_usage_perc",
  "vllm:gpu_prefix_cache_queries",
  "vllm:gpu_prefix_cache_hits",
  "vllm:time_per_output_token_seconds",
]);

/** Whether a name was replaced by another, which counts where both are there. */
export function isOlderName(name: string): boolean {
  const base = name.replace(/_(?:total|bucket|sum|count)$/, "");
  return older.has(name) || older.has(base);
}

/** What a series of this name says; undefined for those that are not used, `_created` among them. */
export function roleOf(name: string): MetricRole | undefined {
  const gauge = gauges[name];
  if (gauge !== undefined) return { kind: "gauge", name: gauge };
  const counter = counters[name] ?? counters[name.replace(/_total$/, "")];
  if (counter !== undefined) return { kind: "counter", name: counter };
  for (const [suffix, kind] of Object.entries(suffixes)) {
    const histogram = name.endsWith(suffix) ? histograms[name.slice(0, -suffix.length)] : undefined;
    if (histogram !== undefined) return { kind, name: histogram };
  }
  if (name === "vllm:num_requests_waiting_by_reason") return { kind: "waiting-part" };
  if (name === "vllm:lora_requests_info") return { kind: "adapters" };
  return name === "vllm:cache_config_info" || name === "sglang:cache_config_info" ? { kind: "cache-info" } : undefined;
}
