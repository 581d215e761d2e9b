/**
 * What to look for on the metrics page of one kind of model server (protocol 5.1). Each spec is `name` or
 * `name{label=value}`; undefined where the server has no such metric.
 */
export interface ModelServerMetrics {
  readonly engine: string;
  readonly waitingRequests: string | undefined;
  readonly runningRequests: string | undefined;
  /** `runningRequests` counts what ever ran: it serves the scores of the reference and nothing else (DESIGN ruling). */
  readonly runningIsTotal?: boolean;
  /** Gauge of 0..1. */
  readonly kvCacheRatio: string | undefined;
  /** Series whose value is the Unix time of its last use and whose labels list LoRA adapters; the newest counts. */
  readonly adapters: string | undefined;
  /** Series whose labels describe the KV cache. */
  readonly cacheInfo:
    | { readonly spec: string; readonly blockSizeLabel: string; readonly blocksLabel: string }
    | undefined;
  /** Series whose value is the tokens a block of the KV cache holds; counts before the label. */
  readonly cacheBlockSize?: string | undefined;
  /** Series whose value is the number of blocks of the KV cache; counts before the label. */
  readonly cacheBlocks?: string | undefined;
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

const sglang: ModelServerMetrics = {
  engine: "sglang",
  waitingRequests: "sglang:num_queue_reqs",
  runningRequests: "sglang:num_running_reqs",
  kvCacheRatio: "sglang:token_usage",
  adapters: undefined,
  cacheInfo: { spec: "sglang:cache_config_info", blockSizeLabel: "page_size", blocksLabel: "num_pages" },
};

const trtllmServe: ModelServerMetrics = {
  engine: "trtllm-serve",
  waitingRequests: "trtllm_num_requests_waiting",
  runningRequests: "trtllm_num_requests_running",
  kvCacheRatio: "trtllm_kv_cache_utilization",
  adapters: undefined,
  cacheInfo: undefined,
  cacheBlockSize: "trtllm_kv_cache_tokens_per_block",
  cacheBlocks: "trtllm_kv_cache_max_blocks",
};

/** Triton with the TensorRT-LLM backend. */
const tritonTensorRt: ModelServerMetrics = {
  engine: "triton-tensorrt-llm",
  waitingRequests: "nv_trt_llm_request_metrics{request_type=waiting}",
  runningRequests: "nv_trt_llm_request_metrics{request_type=scheduled}",
  kvCacheRatio: "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=fraction}",
  adapters: undefined,
  cacheInfo: undefined,
  cacheBlockSize: "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=tokens_per}",
  cacheBlocks: "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=max}",
};

/** Triton with any other backend. */
const triton: ModelServerMetrics = {
  engine: "triton",
  waitingRequests: "nv_inference_pending_request_count",
  runningRequests: "nv_inference_exec_count",
  runningIsTotal: true,
  kvCacheRatio: undefined,
  adapters: undefined,
  cacheInfo: undefined,
};

/** The model servers that are known without a config, by the names that labels and configs use. */
export const builtInModelServers: readonly ModelServerMetrics[] = [vllm, sglang, trtllmServe, tritonTensorRt, triton];
