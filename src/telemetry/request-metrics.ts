import type { ExchangeObserver, ExchangeSummary, PickedEndpoint, RequestLabels } from "../extproc/observer.ts";
import { LabelCap, overflowLabel } from "./label-cap.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./registry.ts";

type Labels = { model_name: string; target_model_name: string; fairness_id: string; priority: string };

/**
 * Most combinations of model, target, fairness id and priority: each has some 300 series, and capped one by one the labels
 * would allow millions of them (reliability T10).
 */
const maxLabelSets = 1000;

/** Counts what happens to requests. One instance a process, since the caps on label values are its own. */
export class RequestMetrics implements ExchangeObserver {
  readonly #metrics: MetricsRegistry["metrics"];
  readonly #models: LabelCap;
  readonly #fairnessIds = new LabelCap();
  readonly #sets = new Set<string>();
  readonly #isPinned: (model: string) => boolean;
  /**
   * A request keeps its labels, also when what is pinned changes meanwhile: gauges go down where they went up. And it asks for
   * them with every chunk of its response.
   */
  readonly #labelsOf = new WeakMap<RequestLabels, Labels>();
  readonly #logger: Logger;
  readonly #loggedModes = new Set<string>();

  /** `isPinned`: model names that are labels beside the first 1000, the targets of rewrite rules; default none. */
  constructor(registry: MetricsRegistry, logger: Logger, isPinned: (model: string) => boolean = () => false) {
    this.#metrics = registry.metrics;
    this.#isPinned = isPinned;
    this.#models = new LabelCap(isPinned);
    this.#logger = logger;
  }

  /** The stream of a request opened or closed. */
  streamOpened(): void {
    this.#metrics.streamsOpen.inc();
  }

  streamClosed(): void {
    this.#metrics.streamsOpen.dec();
  }

  /** One message that the protocol does not allow, or that nobody knows. */
  illegalMessage(reason: string): void {
    this.#metrics.illegalMessages.inc({ reason });
  }

  /** A request was decided on its headers alone; logged once a mode. */
  degradedPick(mode: string): void {
    this.#metrics.degradedPicks.inc({ mode });
    if (this.#loggedModes.has(mode)) return;
    this.#loggedModes.add(mode);
    this.#logger.warn({ mode }, "Host keeps request bodies: requests are picked by their headers alone");
  }

  /** A request got its destination. `decisionMs`: end of body to answer; `scheduleMs`: snapshot to pick. */
  routed(request: RequestLabels, requestBytes: number, decisionMs: number, picked: PickedEndpoint): void {
    const labels = this.#labels(request);
    const m = this.#metrics;
    m.requestTotal.inc(labels);
    m.requestRunning.inc(labels);
    m.requestSize.observe(labels, requestBytes);
    m.requestProcessing.observe(decisionMs / 1000);
    m.decisionDuration.observe(decisionMs / 1000);
    m.schedulerAttempts.inc({
      status: "success",
      target_model_name: labels.target_model_name,
      endpoint_name: picked.name,
      namespace: picked.namespace,
      port: String(picked.port),
    });
  }

  /** A rule of the InferenceModelRewrite `rewrite` chose `targetModel` for a request that names `modelName`. */
  rewritten(rewrite: string, modelName: string, targetModel: string): void {
    this.#metrics.modelRewriteDecisions.inc({
      model_rewrite_name: rewrite,
      model_name: this.#models.limit(modelName),
      target_model: this.#models.limit(targetModel),
    });
  }

  /** Time of one scheduling decision, snapshot to pick. */
  scheduled(durationMs: number): void {
    this.#metrics.schedulerDuration.observe(durationMs / 1000);
  }

  /** A request was refused with `code`; `attempted` says that scheduling was tried. */
  rejected(request: RequestLabels, code: string, attempted: boolean): void {
    const labels = this.#labels(request);
    this.#metrics.requestErrorTotal.inc({ ...labels, error_code: code });
    if (!attempted) return;
    this.#metrics.schedulerAttempts.inc({
      status: "failure",
      target_model_name: labels.target_model_name,
      endpoint_name: "",
      namespace: "",
      port: "",
    });
  }

  /** A chunk of a streamed response came `gapMs` after the one before. */
  chunk(request: RequestLabels, gapMs: number): void {
    this.#metrics.itl.observe(this.#labels(request), gapMs / 1000);
  }

  /** The stream of a routed request ended, whatever the way. */
  closed(request: RequestLabels): void {
    this.#metrics.requestRunning.dec(this.#labels(request));
  }

  /** The response is complete. */
  completed(request: RequestLabels, summary: ExchangeSummary): void {
    const labels = this.#labels(request);
    const m = this.#metrics;
    const seconds = summary.durationMs / 1000;
    m.requestDuration.observe(labels, seconds);
    m.responseSize.observe(labels, summary.responseBytes);
    if (summary.status !== undefined && summary.status >= 400) {
      m.requestErrorTotal.inc({ ...labels, error_code: "ModelServerError" });
    }
    if (summary.ttftMs !== undefined) {
      m.ttft.observe({ ...labels, streaming: String(summary.streaming) }, summary.ttftMs / 1000);
    }
    if (summary.promptTokens !== undefined) m.inputTokens.observe(labels, summary.promptTokens);
    if (summary.cachedTokens !== undefined) m.cachedTokens.observe(labels, summary.cachedTokens);
    if (summary.outputTokens !== undefined) this.#observeOutput(labels, summary, summary.outputTokens);
  }

  #observeOutput(labels: Labels, summary: ExchangeSummary, outputTokens: number): void {
    const m = this.#metrics;
    m.outputTokens.observe(labels, outputTokens);
    if (outputTokens > 0) m.ntpot.observe(labels, summary.durationMs / 1000 / outputTokens);
    if (!summary.streaming || summary.ttftMs === undefined || outputTokens < 2) return;
    m.tpot.observe(labels, (summary.durationMs - summary.ttftMs) / 1000 / (outputTokens - 1));
  }

  #labels(request: RequestLabels): Labels {
    const known = this.#labelsOf.get(request);
    if (known !== undefined) return known;
    const labels = this.#limitSets(request, {
      model_name: this.#models.limit(request.modelName),
      target_model_name: this.#models.limit(request.targetModelName),
      fairness_id: this.#fairnessIds.limit(request.fairnessId),
      priority: String(request.priority),
    });
    this.#labelsOf.set(request, labels);
    return labels;
  }

  /** The labels, or "other" for each that clients choose when there are too many combinations already. */
  #limitSets({ targetModelName }: RequestLabels, labels: Labels): Labels {
    const set = Object.values(labels).join("\n");
    if (this.#sets.has(set)) return labels;
    if (this.#sets.size < maxLabelSets) {
      this.#sets.add(set);
      return labels;
    }
    const { priority } = labels;
    const target = this.#isPinned(targetModelName) ? labels.target_model_name : overflowLabel;
    return { model_name: overflowLabel, target_model_name: target, fairness_id: overflowLabel, priority };
  }
}
