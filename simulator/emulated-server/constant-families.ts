import type { ReplicaConfig } from "../replica/config.ts";
import { Histogram, oneTwoFive } from "./histogram.ts";

const httpBounds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60];
const handlers = ["/v1/completions", "/v1/chat/completions", "/v1/models", "/health", "/metrics", "/tokenize"];

/**
 * The families of a vLLM page that stay the same here: geometry of the KV cache, Python and process samples, and
 * histograms of what the emulator does not have. They give the page a real one's size.
 */
export function constantFamilies(labels: string, config: ReplicaConfig): string {
  return [cacheConfig(config), emptyHistograms(labels, config), pythonFamilies(), httpFamilies()].join("");
}

function cacheConfig({ blockSizeTokens, kvTokens }: ReplicaConfig): string {
  const blocks = Math.floor(kvTokens / blockSizeTokens);
  const pairs = [
    ["block_size", String(blockSizeTokens)],
    ["cache_dtype", "auto"],
    ["calculate_kv_scales", "False"],
    ["cpu_kvcache_space_bytes", "None"],
    ["cpu_offload_gb", "0"],
    ["enable_prefix_caching", "True"],
    ["engine", "0"],
    ["gpu_memory_utilization", "0.9"],
    ["is_attention_free", "False"],
    ["kv_sharing_fast_prefill", "False"],
    ["mamba_cache_dtype", "auto"],
    ["mamba_page_size_padded", "None"],
    ["num_cpu_blocks", "None"],
    ["num_gpu_blocks", String(blocks)],
    ["num_gpu_blocks_override", "None"],
    ["prefix_caching_hash_algo", "sha256"],
    ["sliding_window", "None"],
    ["swap_space", "4"],
    ["swap_space_bytes", "4294967296"],
  ].map(([name, value]) => `${name}="${value}"`);
  return (
    "# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig\n# TYPE vllm:cache_config_info gauge\n" +
    `vllm:cache_config_info{${pairs.join(",")}} 1.0\n`
  );
}

function emptyHistograms(labels: string, config: ReplicaConfig): string {
  const tokenBounds = oneTwoFive(config.maxModelTokens);
  const families: readonly (readonly [string, string, readonly number[]])[] = [
    ["request_max_num_generation_tokens", "Histogram of maximum number of requested generation tokens.", tokenBounds],
    ["request_params_n", "Histogram of the n request parameter.", [1, 2, 5, 10, 20]],
    ["request_params_max_tokens", "Histogram of the max_tokens request parameter.", tokenBounds],
    ["request_prefill_kv_computed_tokens", "Histogram of new KV tokens computed during prefill.", tokenBounds],
  ];
  return families
    .map(([name, help, bounds]) => new Histogram(`vllm:${name}`, help, bounds, labels).render().toString())
    .join("");
}

function pythonFamilies(): string {
  const families: readonly (readonly [string, string, string, readonly string[]])[] = [
    ["python_gc_objects_collected_total", "counter", "Objects collected during gc", generations(11_211)],
    ["python_gc_objects_uncollectable_total", "counter", "Uncollectable objects found during GC", generations(0)],
    ["python_gc_collections_total", "counter", "Number of times this generation was collected", generations(1_206)],
    [
      "python_info",
      "gauge",
      "Python platform information",
      ['{implementation="CPython",major="3",minor="12",patchlevel="11",version="3.12.11"} 1.0'],
    ],
    ["process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", [" 1.3245771776e+10"]],
    ["process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", [" 1.142423552e+09"]],
    ["process_open_fds", "gauge", "Number of open file descriptors.", [" 61.0"]],
    ["process_max_fds", "gauge", "Maximum number of open file descriptors.", [" 1.048576e+06"]],
  ];
  return families.map(([name, type, help, values]) => family(name, type, help, values)).join("");
}

function generations(count: number): string[] {
  return [0, 1, 2].map((generation) => `{generation="${generation}"} ${Math.floor(count / 10 ** generation)}.0`);
}

function family(name: string, type: string, help: string, values: readonly string[]): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${values.map((value) => `${name}${value}\n`).join("")}`;
}

function httpFamilies(): string {
  const counts = handlers.map((handler) => `{handler="${handler}",method="POST",status="2xx"} 0.0`);
  const sizes = handlers.flatMap((handler) => [`_count{handler="${handler}"} 0.0`, `_sum{handler="${handler}"} 0.0`]);
  const durations = handlers.map((handler) =>
    new Histogram(
      "http_request_duration_seconds",
      "Latency with only few buckets by handler.",
      httpBounds,
      `handler="${handler}",method="POST"`,
    )
      .render()
      .toString(),
  );
  return [
    family("http_requests_total", "counter", "Total number of requests by method, status and handler.", counts),
    family("http_request_size_bytes", "summary", "Content length of incoming requests by handler.", sizes),
    family("http_response_size_bytes", "summary", "Content length of outgoing responses by handler.", sizes),
    durations
      .map((text, i) => (i === 0 ? text : text.slice(text.indexOf("http_request_duration_seconds_bucket"))))
      .join(""),
  ].join("");
}
