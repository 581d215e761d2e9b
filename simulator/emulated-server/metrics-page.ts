import type { ReplicaLoad } from "../replica/load.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import { constantFamilies } from "./constant-families.ts";
import { Histogram, oneTwoFive } from "./histogram.ts";
import { numberText } from "./number-text.ts";
import { AdapterSeries } from "./adapter-series.ts";

/** Times of one finished request on the model's time line, ms. */
export interface FinishedRequest {
  readonly arrivedAtMs: number;
  readonly scheduledAtMs: number;
  readonly firstTokenAtMs: number;
  readonly finishedAtMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

const firstTokenBounds = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
];
const tokenGapBounds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const requestBounds = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];
const iterationBounds = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

/** The `/metrics` page of one emulated server, with the families, labels and number format of vLLM V1. */
export class MetricsPage {
  readonly #labels: string;
  readonly #modelLabel: string;
  readonly #constantBytes: Buffer;
  readonly #adapters: AdapterSeries;
  readonly #histograms: readonly Histogram[];
  readonly #firstToken: Histogram;
  readonly #tokenGap: Histogram;
  readonly #iteration: Histogram;
  readonly #endToEnd: Histogram;
  readonly #queue: Histogram;
  readonly #inference: Histogram;
  readonly #prefill: Histogram;
  readonly #decode: Histogram;
  readonly #timePerToken: Histogram;
  readonly #promptTokens: Histogram;
  readonly #outputTokens: Histogram;
  #aborted = 0;

  constructor(modelName: string, config: ReplicaConfig) {
    this.#modelLabel = `model_name="${modelName.replace(/["\\]/g, "\\$&")}"`;
    this.#labels = `engine="0",${this.#modelLabel}`;
    this.#constantBytes = Buffer.from(constantFamilies(this.#labels, config));
    this.#adapters = new AdapterSeries(config.maxLoras);
    const make = (name: string, help: string, bounds: readonly number[]): Histogram =>
      new Histogram(`vllm:${name}`, help, bounds, this.#labels);
    const tokenBounds = oneTwoFive(config.maxModelTokens);
    this.#firstToken = make(
      "time_to_first_token_seconds",
      "Histogram of time to first token in seconds.",
      firstTokenBounds,
    );
    this.#tokenGap = make(
      "inter_token_latency_seconds",
      "Histogram of inter-token latency in seconds.",
      tokenGapBounds,
    );
    this.#timePerToken = make(
      "request_time_per_output_token_seconds",
      "Histogram of time_per_output_token_seconds per request.",
      tokenGapBounds,
    );
    this.#iteration = make("iteration_tokens_total", "Histogram of number of tokens per engine_step.", iterationBounds);
    this.#endToEnd = make("e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", requestBounds);
    this.#queue = make(
      "request_queue_time_seconds",
      "Histogram of time spent in WAITING phase for request.",
      requestBounds,
    );
    this.#inference = make(
      "request_inference_time_seconds",
      "Histogram of time spent in RUNNING phase for request.",
      requestBounds,
    );
    this.#prefill = make(
      "request_prefill_time_seconds",
      "Histogram of time spent in PREFILL phase for request.",
      requestBounds,
    );
    this.#decode = make(
      "request_decode_time_seconds",
      "Histogram of time spent in DECODE phase for request.",
      requestBounds,
    );
    this.#promptTokens = make("request_prompt_tokens", "Number of prefill tokens processed.", tokenBounds);
    this.#outputTokens = make("request_generation_tokens", "Number of generation tokens processed.", tokenBounds);
    this.#histograms = [
      this.#iteration,
      this.#firstToken,
      this.#tokenGap,
      this.#timePerToken,
      this.#endToEnd,
      this.#queue,
      this.#inference,
      this.#prefill,
      this.#decode,
      this.#promptTokens,
      this.#outputTokens,
    ];
  }

  /** One engine step gave `tokens` tokens. */
  stepped(tokens: number): void {
    if (tokens > 0) this.#iteration.observe(tokens);
  }

  firstToken(latencyMs: number): void {
    this.#firstToken.observe(latencyMs / 1000);
  }

  tokenGap(gapMs: number): void {
    this.#tokenGap.observe(gapMs / 1000);
  }

  finished(request: FinishedRequest): void {
    const { arrivedAtMs, scheduledAtMs, firstTokenAtMs, finishedAtMs, promptTokens, outputTokens } = request;
    this.#endToEnd.observe((finishedAtMs - arrivedAtMs) / 1000);
    this.#queue.observe((scheduledAtMs - arrivedAtMs) / 1000);
    this.#inference.observe((finishedAtMs - scheduledAtMs) / 1000);
    this.#prefill.observe((firstTokenAtMs - scheduledAtMs) / 1000);
    this.#decode.observe((finishedAtMs - firstTokenAtMs) / 1000);
    if (outputTokens > 1) this.#timePerToken.observe((finishedAtMs - firstTokenAtMs) / 1000 / (outputTokens - 1));
    this.#promptTokens.observe(promptTokens);
    this.#outputTokens.observe(outputTokens);
  }

  /** A client went away before its answer was complete. */
  aborted(): void {
    this.#aborted++;
  }

  /** The page for `load` at `wallMs`. Only histograms that changed are printed anew. */
  render(load: ReplicaLoad, wallMs: number): Buffer {
    const parts: Uint8Array[] = [Buffer.from(this.#loadText(load) + this.#adapters.render(load, wallMs))];
    for (const histogram of this.#histograms) parts.push(histogram.render());
    parts.push(this.#constantBytes);
    return Buffer.concat(parts);
  }

  #loadText(load: ReplicaLoad): string {
    return [
      this.#gauge("num_requests_running", "Number of requests in model execution batches.", load.running),
      this.#gauge("num_requests_waiting", "Number of requests waiting to be processed.", load.waiting),
      this.#gauge("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", load.kvCacheRatio),
      this.#counter("prefix_cache_queries", "Prefix cache queries, in tokens.", load.prefixQueryTokens),
      this.#counter("prefix_cache_hits", "Prefix cache hits, in tokens.", load.prefixHitTokens),
      this.#counter("num_preemptions", "Cumulative number of preemption from the engine.", load.preemptions),
      this.#counter("prompt_tokens", "Number of prefill tokens processed.", load.promptTokens),
      this.#counter("generation_tokens", "Number of generation tokens processed.", load.generationTokens),
      "# HELP vllm:request_success_total Count of successfully processed requests.\n",
      "# TYPE vllm:request_success_total counter\n",
      this.#success("stop", 0),
      this.#success("length", load.finishedRequests),
      this.#success("abort", this.#aborted),
    ].join("");
  }

  #success(reason: string, value: number): string {
    const labels = `engine="0",finished_reason="${reason}",${this.#modelLabel}`;
    return `vllm:request_success_total{${labels}} ${numberText(value)}\n`;
  }

  #gauge(name: string, help: string, value: number): string {
    const full = `vllm:${name}`;
    return `# HELP ${full} ${help}\n# TYPE ${full} gauge\n${full}{${this.#labels}} ${numberText(value)}\n`;
  }

  #counter(name: string, help: string, value: number): string {
    const full = `vllm:${name}_total`;
    return `# HELP ${full} ${help}\n# TYPE ${full} counter\n${full}{${this.#labels}} ${numberText(value)}\n`;
  }
}
