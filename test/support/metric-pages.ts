import type { SimulationRun } from "../../simulator/engine/simulation-run.ts";
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

const [ttftBounds, itlBounds, e2eBounds, lengthBounds] = [
  [0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 10],
  [0.01, 0.025, 0.05, 0.1, 0.2, 0.5],
  [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30],
  [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
];

/** What the servers of a run showed at every sample of its series, with their histograms, as one text; the run must be of one long series. */
export function metricPagesOfRun(run: SimulationRun): string {
  const { series, replicas } = run;
  const pages = replicas.flatMap((_, replica) =>
    Array.from({ length: series.samples }, (__, sample) => pageOf(run, replica, sample)),
  );
  return pages.join("");
}

function pageOf(run: SimulationRun, replica: number, sample: number): string {
  const { series, requests, replicas, firstTokenMs, lastTokenMs, arrivedMs } = run;
  const [atMs, place] = [sample * series.stepMs, sample * replicas.length + replica];
  const rows = Array.from({ length: requests.count }, (_, row) => row).filter((row) => run.replica[row] === replica);
  const begun = rows.filter((row) => (firstTokenMs[row] as number) <= atMs);
  const ended = rows.filter((row) => (lastTokenMs[row] as number) <= atMs);
  const line = (name: string, value: number, label = ""): string =>
    `vllm:${name}{instance="s${replica}"${label}} ${value} ${startMs + Math.round(atMs)}\n`;
  const histogram = (name: string, bounds: readonly number[], values: readonly number[]): string[] => [
    ...[...bounds, Number.POSITIVE_INFINITY].map((bound) =>
      line(
        `${name}_bucket`,
        values.filter((value) => value <= bound).length,
        `,le="${Number.isFinite(bound) ? bound : "+Inf"}"`,
      ),
    ),
    line(`${name}_sum`, sumOf(values)),
    line(`${name}_count`, values.length),
  ];
  const seconds = (of: readonly number[], end: Float64Array): number[] =>
    of.map((row) => ((end[row] as number) - (arrivedMs[row] as number)) / 1000);
  const prompts = ended.map((row) => requests.promptTokens[row] as number);
  const answers = ended.map((row) => requests.outputTokens[row] as number);
  const gaps = ended.flatMap((row, i) => {
    const count = (answers[i] as number) - 1;
    const gap = ((lastTokenMs[row] as number) - (firstTokenMs[row] as number)) / count / 1000;
    return Array.from({ length: count }, () => gap);
  });
  return [
    line("num_requests_running", series.running[place] as number),
    line("num_requests_waiting", series.waiting[place] as number),
    line("kv_cache_usage_perc", series.kvCacheRatio[place] as number),
    line("request_success_total", ended.length),
    line("prompt_tokens_total", sumOf(prompts)),
    line("generation_tokens_total", sumOf(answers)),
    ...histogram("time_to_first_token_seconds", ttftBounds, seconds(begun, firstTokenMs)),
    ...histogram("inter_token_latency_seconds", itlBounds, gaps),
    ...histogram("e2e_request_latency_seconds", e2eBounds, seconds(ended, lastTokenMs)),
    ...histogram("request_prompt_tokens", lengthBounds, prompts),
    ...histogram("request_generation_tokens", lengthBounds, answers),
  ].join("");
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
