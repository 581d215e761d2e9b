/** What a page of any engine reports. */
export interface EngineLoad {
  readonly waiting: number;
  readonly running: number;
  readonly kvCacheRatio: number;
  readonly blockSize?: number;
  readonly blocks?: number;
}

function family(name: string, type: string, series: Readonly<Record<string, number>>): string {
  const lines = Object.entries(series).map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# HELP ${name} Something.\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

const gauge = (name: string, series: Readonly<Record<string, number>>): string => family(name, "gauge", series);

/** Pages as each engine prints them, cut to what is read and a family that is not, by engine name (protocol 5.1). */
export const enginePages: Readonly<Record<string, (load: EngineLoad) => string>> = {
  vllm: ({ waiting, running, kvCacheRatio, blockSize = 16, blocks = 2048 }) =>
    gauge("vllm:num_requests_running", { '{engine="0",model_name="m"}': running }) +
    gauge("vllm:num_requests_waiting", { '{engine="0",model_name="m"}': waiting }) +
    gauge("vllm:kv_cache_usage_perc", { '{engine="0",model_name="m"}': kvCacheRatio }) +
    gauge("vllm:cache_config_info", { [`{block_size="${blockSize}",engine="0",num_gpu_blocks="${blocks}"}`]: 1 }),
  sglang: ({ waiting, running, kvCacheRatio, blockSize = 1, blocks = 65_536 }) =>
    gauge("sglang:num_running_reqs", { '{engine_type="unified",model_name="m",tp_rank="0"}': running }) +
    gauge("sglang:num_used_tokens", { '{engine_type="unified",model_name="m",tp_rank="0"}': 99 }) +
    gauge("sglang:token_usage", { '{engine_type="unified",model_name="m",tp_rank="0"}': kvCacheRatio }) +
    gauge("sglang:num_queue_reqs", { '{engine_type="unified",model_name="m",tp_rank="0"}': waiting }) +
    gauge("sglang:cache_config_info", { [`{num_pages="${blocks}",page_size="${blockSize}"}`]: 1 }),
  "trtllm-serve": ({ waiting, running, kvCacheRatio, blockSize = 32, blocks = 4096 }) =>
    gauge("trtllm_num_requests_running", { '{model_name="m"}': running }) +
    gauge("trtllm_num_requests_waiting", { '{model_name="m"}': waiting }) +
    gauge("trtllm_kv_cache_utilization", { '{model_name="m"}': kvCacheRatio }) +
    gauge("trtllm_kv_cache_hit_rate", { '{model_name="m"}': 0.9 }) +
    gauge("trtllm_kv_cache_tokens_per_block", { "": blockSize }) +
    gauge("trtllm_kv_cache_max_blocks", { "": blocks }),
  "triton-tensorrt-llm": ({ waiting, running, kvCacheRatio, blockSize = 64, blocks = 6239 }) =>
    gauge("nv_trt_llm_request_metrics", {
      '{model="tensorrt_llm",request_type="waiting",version="1"}': waiting,
      '{model="tensorrt_llm",request_type="context",version="1"}': 99,
      '{model="tensorrt_llm",request_type="scheduled",version="1"}': running,
      '{model="tensorrt_llm",request_type="max",version="1"}': 512,
    }) +
    gauge("nv_trt_llm_kv_cache_block_metrics", {
      '{kv_cache_block_type="fraction",model="tensorrt_llm",version="1"}': kvCacheRatio,
      '{kv_cache_block_type="tokens_per",model="tensorrt_llm",version="1"}': blockSize,
      '{kv_cache_block_type="used",model="tensorrt_llm",version="1"}': 12,
      '{kv_cache_block_type="free",model="tensorrt_llm",version="1"}': 34,
      '{kv_cache_block_type="max",model="tensorrt_llm",version="1"}': blocks,
    }),
  triton: ({ waiting, running }) =>
    family("nv_inference_request_success", "counter", { '{model="m",version="1"}': 1234 }) +
    family("nv_inference_exec_count", "counter", { '{model="m",version="1"}': running }) +
    gauge("nv_inference_pending_request_count", { '{model="m",version="1"}': waiting }),
};
