/**
 * What to look for on the metrics page of one kind of model server (protocol 5.1). Each spec is `name` or
 * `name{label=value}`; undefined where the server has no such metric.
 */
export interface ModelServerMetrics {
  readonly engine: string;
  readonly waitingRequests: string | undefined;
  readonly runningRequests: string | undefined;
  /** Gauge of 0..1. */
  readonly kvCacheRatio: string | undefined;
  /** Series whose value is the Unix time of its last use and whose labels list LoRA adapters; the newest counts. */
  readonly adapters: string | undefined;
  /** Series whose labels describe the KV cache. */
  readonly cacheInfo:
    | { readonly spec: string; readonly blockSizeLabel: string; readonly blocksLabel: string }
    | undefined;
}

/** vLLM, metrics of its V1 engine. */
export const vllm: ModelServerMetrics = {
  engine: "vllm",
  waitingRequests: "vllm:num_requests_waiting",
  runningRequests: "vllm:num_requests_running",
  kvCacheRatio: "vllm:kv_cache_usage_perc",
  adapters: "vllm:lora_requests_info",
  cacheInfo: { spec: "vllm:cache_config_info", blockSizeLabel: "block_size", blocksLabel: "num_gpu_blocks" },
};
