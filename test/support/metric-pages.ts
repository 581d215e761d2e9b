import type { EndpointSeries } from "../../simulator/metrics/recorded-metrics.ts";

const startMs = 1_700_000_000_000;

/** Series of pages, as vLLM names them. */
const names = {
  "vllm:num_requests_running": ({ gauges }) => gauges.running,
  "vllm:num_requests_waiting": ({ gauges }) => gauges.waiting,
  "vllm:kv_cache_usage_perc": ({ gauges }) => gauges.kvCacheRatio,
  "vllm:prompt_tokens_total": ({ counters }) => counters.promptTokens,
  "vllm:generation_tokens_total": ({ counters }) => counters.generationTokens,
  "vllm:request_success_total": ({ counters }) => counters.finishedRequests,
  "vllm:iteration_tokens_total_count": ({ histograms }) => histograms.stepTokens.count,
} satisfies Record<string, (series: EndpointSeries) => Float64Array>;

/** What endpoints showed, as one text with a time on every line. */
export function metricPages(endpoints: readonly EndpointSeries[]): string {
  return endpoints.flatMap(linesOf).join("");
}

function linesOf(series: EndpointSeries): string[] {
  const { endpoint, timesMs, blockSizeTokens, kvBlocks } = series;
  const lines: string[] = [];
  for (const [at, timeMs] of timesMs.entries()) {
    const line = (name: string, value: number, labels = ""): string =>
      `${name}{instance="${endpoint}"${labels}} ${value} ${startMs + timeMs}\n`;
    for (const [name, read] of Object.entries(names)) lines.push(line(name, read(series)[at] as number));
    if (at === 0 && kvBlocks !== undefined) {
      lines.push(line("vllm:cache_config_info", 1, `,block_size="${blockSizeTokens}",num_gpu_blocks="${kvBlocks}"`));
    }
  }
  return lines;
}
