/** Pages as the engines print them, shortened to what a picker reads and some of what it does not. */
const byEngine: Readonly<Record<string, readonly string[]>> = {
  vllm: [
    `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="base"} 3.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="base"} 12.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="base"} 0.4211
# TYPE vllm:lora_requests_info gauge
vllm:lora_requests_info{max_lora="4",running_lora_adapters="adapter-1,adapter-2",waiting_lora_adapters="adapter-3"} 1.787000000123e+09
vllm:lora_requests_info{max_lora="4",running_lora_adapters="adapter-1",waiting_lora_adapters=""} 1787000001.25
# TYPE vllm:cache_config_info gauge
vllm:cache_config_info{block_size="16",cache_dtype="auto",engine="0",num_gpu_blocks="27649"} 1.0
# TYPE vllm:e2e_request_latency_seconds histogram
vllm:e2e_request_latency_seconds_bucket{engine="0",le="0.3",model_name="base"} 4.0
vllm:e2e_request_latency_seconds_bucket{engine="0",le="+Inf",model_name="base"} 17.0
vllm:e2e_request_latency_seconds_sum{engine="0",model_name="base"} 8.25
`,
    `# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0"} 1.0
vllm:num_requests_running{engine="1"} 2.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0"} 0.0 1787000000000
vllm:num_requests_waiting{engine="0"} 7.0 1787000000001
vllm:num_requests_waiting{engine="1"} 5.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0"} 0.1
vllm:kv_cache_usage_perc{engine="1"} 0.9
# TYPE vllm:cache_config_info gauge
vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="1000"} 1.0
vllm:cache_config_info{block_size="16",engine="1",num_gpu_blocks="3000"} 1.0
# EOF
`,
    'vllm:num_requests_waiting 4\nvllm:num_requests_running 2\nvllm:kv_cache_usage_perc 0.5\nvllm:model{text="a\\"b\\\\c\\nd", x="}"} 1',
  ],
  sglang: [
    `# HELP sglang:num_running_reqs The number of running requests.
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{engine_type="unified",model_name="base",pp_rank="0",tp_rank="0"} 1.0
# TYPE sglang:num_queue_reqs gauge
sglang:num_queue_reqs{engine_type="unified",model_name="base",pp_rank="0",tp_rank="0"} 2.0
# TYPE sglang:token_usage gauge
sglang:token_usage{engine_type="unified",model_name="base",pp_rank="0",tp_rank="0"} 0.07
# TYPE sglang:cache_config_info gauge
sglang:cache_config_info{num_pages="4096",page_size="16"} 1.0
# TYPE sglang:gen_throughput gauge
sglang:gen_throughput{model_name="base"} 86.5
`,
  ],
  "trtllm-serve": [
    `# TYPE trtllm_num_requests_waiting gauge
trtllm_num_requests_waiting{model_name="base"} 0.0
# TYPE trtllm_num_requests_running gauge
trtllm_num_requests_running{model_name="base"} 8.0
# TYPE trtllm_kv_cache_utilization gauge
trtllm_kv_cache_utilization{model_name="base"} 0.31
# TYPE trtllm_kv_cache_tokens_per_block gauge
trtllm_kv_cache_tokens_per_block{model_name="base"} 32.0
# TYPE trtllm_kv_cache_max_blocks gauge
trtllm_kv_cache_max_blocks{model_name="base"} 8192.0
`,
  ],
  "triton-tensorrt-llm": [
    `# TYPE nv_trt_llm_request_metrics gauge
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="waiting",version="1"} 1
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="scheduled",version="1"} 4
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="max",version="1"} 512
# TYPE nv_trt_llm_kv_cache_block_metrics gauge
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction",model="tensorrt_llm",version="1"} 0.25
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="tokens_per",model="tensorrt_llm",version="1"} 64
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max",model="tensorrt_llm",version="1"} 6239
`,
  ],
  triton: [
    `# HELP nv_inference_exec_count Number of model executions performed
# TYPE nv_inference_exec_count counter
nv_inference_exec_count{model="base",version="1"} 19
# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{model="base",version="1"} 3
# TYPE nv_gpu_utilization gauge
nv_gpu_utilization{gpu_uuid="GPU-1"} 0.93
`,
  ],
};

/** What a server may answer that is no page of metrics. */
export const noPages: readonly string[] = ["<html><body>404</body></html>\n", "", "\n\n"];

/** The pages of an engine. */
export function pagesOf(engine: string): readonly string[] {
  return byEngine[engine] ?? noPages;
}
