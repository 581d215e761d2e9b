/** One metric family of this process. */
export interface MetricName {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, in the unit of the name. */
  readonly buckets?: readonly number[];
}

const model = ["model_name", "target_model_name"];
const request = [...model, "fairness_id", "priority"];
const endpoint = ["endpoint_name", "namespace"];
const powers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => 2 ** (from + index));
// 32778 is the bound that the field's dashboards know (protocol 8).
const tokenBuckets = [1, ...powers(3, 14), 32778, ...powers(16, 20)];
const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 120, 180, 240,
  300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const ttftBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 8, 10, 15, 20, 30, 60, 120];
const perTokenBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2];
const ntpotBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const schedulerBuckets = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1];
/** Eight bounds a decade from 10 us to 1 s. */
const decisionBuckets = Array.from({ length: 41 }, (_, index) => Number((1e-5 * 10 ** (index / 8)).toPrecision(3)));
const scrapeBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

const counter = (name: string, labels: readonly string[], help: string): MetricName & { type: "counter" } => ({
  name,
  type: "counter",
  help,
  labels,
});
const gauge = (name: string, labels: readonly string[], help: string): MetricName & { type: "gauge" } => ({
  name,
  type: "gauge",
  help,
  labels,
});
const histogram = (
  name: string,
  labels: readonly string[],
  buckets: readonly number[],
  help: string,
): MetricName & { type: "histogram" } => ({ name, type: "histogram", help, labels, buckets });

/** Every family the picker exports under its own name, in the order of docs/metrics.md (protocol section 8 for `llm_d_epp_`). */
export const metricNames = {
  requestTotal: counter("llm_d_epp_request_total", request, "Requests that were routed."),
  requestErrorTotal: counter(
    "llm_d_epp_request_error_total",
    [...request, "error_code"],
    "Requests refused by the picker or answered with a status of 400 or more, at most one a stream.",
  ),
  requestDuration: histogram(
    "llm_d_epp_request_duration_seconds",
    request,
    durationBuckets,
    "Time from the request's headers to the end of its response.",
  ),
  requestSize: histogram("llm_d_epp_request_size_bytes", request, powers(6, 30), "Size of the request body."),
  responseSize: histogram(
    "llm_d_epp_response_size_bytes",
    request,
    [1, ...powers(3, 16)],
    "Size of the response body.",
  ),
  inputTokens: histogram(
    "llm_d_epp_request_input_tokens",
    request,
    tokenBuckets,
    "Prompt tokens that the response's usage reports.",
  ),
  cachedTokens: histogram(
    "llm_d_epp_request_cached_tokens",
    request,
    tokenBuckets,
    "Prompt tokens that the model server had cached, from usage.",
  ),
  outputTokens: histogram(
    "llm_d_epp_request_output_tokens",
    request,
    [1, ...powers(3, 13)],
    "Generated tokens that the response's usage reports.",
  ),
  requestRunning: gauge("llm_d_epp_request_running", request, "Requests that are routed and whose stream is open."),
  ntpot: histogram("llm_d_epp_request_ntpot_seconds", request, ntpotBuckets, "Duration divided by generated tokens."),
  ttft: histogram(
    "llm_d_epp_request_ttft_seconds",
    [...request, "streaming"],
    ttftBuckets,
    "Time from the request's headers to the first byte of the response body.",
  ),
  tpot: histogram(
    "llm_d_epp_request_streaming_tpot_seconds",
    request,
    perTokenBuckets,
    "Time after the first byte divided by the tokens after the first, streamed responses.",
  ),
  itl: histogram(
    "llm_d_epp_request_streaming_itl_seconds",
    request,
    perTokenBuckets.slice(1),
    "Time between two chunks of a streamed response.",
  ),
  averageKvCacheUtilization: gauge(
    "llm_d_epp_average_kv_cache_utilization",
    ["name"],
    "Mean KV-cache use of the pool's endpoints, 0 to 1.",
  ),
  averageQueueSize: gauge(
    "llm_d_epp_average_queue_size",
    ["name"],
    "Mean number of waiting requests of the pool's endpoints.",
  ),
  averageRunningRequests: gauge(
    "llm_d_epp_average_running_requests",
    ["name"],
    "Mean number of running requests of the pool's endpoints.",
  ),
  stdDevKvCacheUtilization: gauge(
    "llm_d_epp_std_dev_kv_cache_utilization",
    ["name"],
    "Standard deviation of KV-cache use over the pool's endpoints.",
  ),
  stdDevQueueSize: gauge(
    "llm_d_epp_std_dev_queue_size",
    ["name"],
    "Standard deviation of waiting requests over the pool's endpoints.",
  ),
  stdDevRunningRequests: gauge(
    "llm_d_epp_std_dev_running_requests",
    ["name"],
    "Standard deviation of running requests over the pool's endpoints.",
  ),
  readyEndpoints: gauge("llm_d_epp_ready_endpoints", ["name"], "Endpoints in the pool."),
  perEndpointQueueSize: gauge(
    "llm_d_epp_per_endpoint_queue_size",
    ["name", "model_server_endpoint"],
    "Waiting requests of one endpoint.",
  ),
  schedulerDuration: histogram(
    "llm_d_epp_scheduler_e2e_duration_seconds",
    [],
    schedulerBuckets,
    "Time of one scheduling decision, from snapshot to pick.",
  ),
  schedulerAttempts: counter(
    "llm_d_epp_scheduler_attempts_total",
    ["status", "target_model_name", "endpoint_name", "namespace", "port"],
    "Scheduling decisions by outcome and endpoint.",
  ),
  requestProcessing: histogram(
    "llm_d_epp_request_processing_duration_seconds",
    [],
    schedulerBuckets,
    "Time from the end of the request's body to the answer.",
  ),
  modelRewriteDecisions: counter(
    "llm_d_epp_model_rewrite_decisions_total",
    ["model_rewrite_name", "model_name", "target_model"],
    "Target models that rules of an InferenceModelRewrite chose.",
  ),
  pollErrors: counter("llm_d_epp_datalayer_poll_errors_total", ["source_type"], "Scrapes that failed."),
  inflightRequests: gauge(
    "llm_d_epp_inflight_requests",
    endpoint,
    "Requests sent to an endpoint whose streams are open.",
  ),
  poolSaturation: gauge(
    "llm_d_epp_flow_control_pool_saturation",
    ["inference_pool", "stage"],
    "How full the pool is: 0 idle, 1 full; stage effective.",
  ),
  info: gauge("llm_d_epp_info", ["commit", "build_ref"], "Always 1; the labels tell the build."),
  decisionDuration: histogram(
    "epp_decision_duration_seconds",
    [],
    decisionBuckets,
    "Time from the end of the request's body to the answer, in fine steps.",
  ),
  scrapeDuration: histogram(
    "epp_scrape_duration_seconds",
    [],
    scrapeBuckets,
    "Time of one scrape, from the request to the applied sample.",
  ),
  scrapeInterval: gauge(
    "epp_scrape_interval_seconds",
    [],
    "Time between two scrapes of an endpoint; grows with a pool that would take more than a quarter of a core.",
  ),
  scrapeFailures: counter("epp_scrape_failures_total", ["reason"], "Scrapes that failed, by reason."),
  missingFamilies: counter(
    "epp_scrape_missing_families_total",
    ["signal"],
    "Scraped pages without the family of a signal.",
  ),
  rejectedLines: counter("epp_scrape_rejected_lines_total", [], "Lines of wanted families that could not be read."),
  sampleAge: gauge("epp_endpoint_sample_age_seconds", endpoint, "Time since the endpoint's last good sample."),
  lastResort: gauge(
    "epp_endpoint_last_resort",
    endpoint,
    "1 while the endpoint refuses connections and is used only when no other is left.",
  ),
  slowStart: gauge(
    "epp_endpoint_slow_start",
    endpoint,
    "1 while the endpoint is a newcomer whose share of the requests is kept within bounds.",
  ),
  prefillTokens: gauge(
    "epp_endpoint_prefill_tokens",
    endpoint,
    "Uncached prompt tokens of the requests sent to an endpoint whose responses have not begun.",
  ),
  driftRequests: gauge(
    "epp_endpoint_drift_requests",
    endpoint,
    "Waiting and running requests as scraped last, less this picker's own open ones.",
  ),
  credit: gauge(
    "epp_endpoint_credit",
    endpoint,
    "How far the endpoint's pages agree with the requests that this picker has there, 0 to 1.",
  ),
  signalResidual: gauge(
    "epp_signal_residual",
    [...endpoint, "signal"],
    "Mean of scraped less predicted over about 10 s, in the unit of the signal.",
  ),
  signalTrust: gauge(
    "epp_signal_trust",
    [...endpoint, "of"],
    "Share of a correction that is applied, 0.25 to 1; of requests or kvCacheRatio.",
  ),
  bytesPerToken: gauge(
    "epp_bytes_per_token",
    ["target_model_name"],
    "Bytes of a prompt that a token is taken to have, learned from usage.",
  ),
  poolDegraded: gauge(
    "epp_pool_degraded",
    [],
    "1 while no endpoint of the pool has a sample younger than the staleness threshold.",
  ),
  streamsOpen: gauge("epp_streams_open", [], "ext_proc streams that are open."),
  bufferedBytes: gauge("epp_buffered_bytes", [], "Bytes of bodies that open streams hold, limit 512 MiB."),
  illegalMessages: counter(
    "epp_illegal_messages_total",
    ["reason"],
    "ext_proc messages that were ignored or ended their stream.",
  ),
  degradedPicks: counter(
    "epp_degraded_picks_total",
    ["mode"],
    "Requests decided on their headers alone, by the host's request body mode.",
  ),
  decisionRingRecords: gauge("epp_decision_ring_records", [], "Decisions that the ring keeps, 20,000 at most."),
  decisionRingBytes: gauge("epp_decision_ring_bytes", [], "Memory that they take, 32 MiB at most."),
  decisionRingSpan: gauge("epp_decision_ring_span_seconds", [], "Time since the oldest decision that the ring keeps."),
  recordingBytes: counter("epp_recording_bytes_total", [], "Bytes written to the recording; with --record."),
  recordingLines: counter("epp_recording_lines_total", [], "Lines written to the recording."),
  recordingDropped: counter(
    "epp_recording_dropped_lines_total",
    [],
    "Lines that the recording lacks because the disk was too slow or full.",
  ),
  recordingFailures: counter(
    "epp_recording_failures_total",
    [],
    "Failures to write the recording, at most one a second.",
  ),
  drainCutStreams: counter(
    "epp_drain_cut_streams_total",
    [],
    "ext_proc streams cut at the hard stop of a drain, since they had not ended.",
  ),
  certificateReloads: counter(
    "epp_certificate_reloads_total",
    ["outcome"],
    "Changes of the certificate's files; outcome ok or rejected.",
  ),
  certificateExpiry: gauge(
    "epp_certificate_expiry_seconds",
    ["origin"],
    "Unix time at which the certificate of the ext_proc port ends; origin file or self-signed.",
  ),
  loopLag: gauge("epp_event_loop_lag_seconds", ["quantile"], "How late the event loop was since the last collection."),
  loopStalls: counter(
    "epp_event_loop_stalls_total",
    [],
    "Moments in which the event loop stood still for more than 100 ms.",
  ),
  descriptorShortages: counter(
    "epp_descriptor_shortages_total",
    [],
    "Times that no file descriptor was left, so that scraping gave its own to the hosts' connections.",
  ),
  scrapingPaused: gauge("epp_scraping_paused", [], "1 while scraping waits for free file descriptors."),
  unresolvedHosts: counter(
    "epp_host_resolution_failures_total",
    [],
    "Failed attempts to resolve a host name of the endpoints file.",
  ),
  fileReloads: counter(
    "epp_file_reloads_total",
    ["file", "outcome"],
    "Reloads of watched files; outcome ok or rejected.",
  ),
  kubernetesLists: counter("epp_kubernetes_lists_total", ["kind"], "Whole lists of a kind from the API server."),
  kubernetesWatches: counter("epp_kubernetes_watches_total", ["kind"], "Watches that the API server has accepted."),
  kubernetesErrors: counter(
    "epp_kubernetes_errors_total",
    ["kind", "reason"],
    "Lists, watches, lines and objects that failed, by reason; what was known stays.",
  ),
  kubernetesWatchAge: gauge(
    "epp_kubernetes_watch_age_seconds",
    ["kind"],
    "Time since the API server last said something of a kind; up to a minute while all is well.",
  ),
  kubernetesObjects: gauge("epp_kubernetes_objects", ["kind"], "Objects of a kind that are known."),
  kubernetesDrift: counter(
    "epp_kubernetes_drift_objects_total",
    ["kind"],
    "Objects that were not known as they are, found and repaired by a check every ten minutes.",
  ),
  kubernetesCredentialsErrors: counter(
    "epp_kubernetes_credentials_errors_total",
    [],
    "Times that token, certificates or CA of the API server could not be read anew; the last good ones stay.",
  ),
  leader: gauge("epp_leader", [], "1 while this picker leads those of its pool; 0 without a leader election."),
  leaderTransitions: counter(
    "epp_leader_transitions_total",
    ["change"],
    "Changes of the lead; change led, or why it was lost: deadline, taken or released.",
  ),
  leaseErrors: counter(
    "epp_lease_errors_total",
    ["reason"],
    "Reads and writes of the leader election's lease that failed; conflict: another picker was first.",
  ),
  accessReviewErrors: counter(
    "epp_access_review_errors_total",
    ["reason"],
    "Questions to the API server about who reads the metrics port that got no usable answer.",
  ),
  membershipChanges: counter(
    "epp_pool_membership_changes_total",
    ["change"],
    "Pods that joined the pool or left it; change joined or left.",
  ),
  refusedPods: counter(
    "epp_pool_refused_pods_total",
    ["reason"],
    "Ready pods of the pool's labels that get no traffic, once for each address and reason.",
  ),
  invalidObjects: counter(
    "epp_invalid_objects_total",
    ["kind"],
    "Contents of Kubernetes objects that were not usable; the last good one stays.",
  ),
} as const satisfies Record<string, MetricName>;

/** Families that are there with `--enable-grpc-stream-metrics` only, after those of `metricNames` in docs/metrics.md (protocol section 8). */
export const streamMetricNames = {
  streamsInflight: gauge("llm_d_epp_extproc_streams_inflight", [], "ext_proc streams that are open."),
  streamDuration: histogram(
    "llm_d_epp_extproc_stream_duration_seconds",
    [],
    durationBuckets,
    "Time from the opening of an ext_proc stream to its end.",
  ),
  streamsTotal: counter(
    "llm_d_epp_extproc_streams_total",
    ["code"],
    "ext_proc streams that ended, by gRPC status: OK, Canceled, InvalidArgument and so on.",
  ),
} as const satisfies Record<string, MetricName>;

/** Deprecated names that dashboards still read, filled from the family on the left when metrics are collected. */
export const legacyNames: readonly {
  from: keyof typeof metricNames;
  to: string;
  labels: Readonly<Record<string, string>>;
}[] = [
  {
    from: "requestTotal",
    to: "inference_objective_request_total",
    labels: { model_name: "model_name", target_model_name: "target_model_name", priority: "priority" },
  },
  {
    from: "requestErrorTotal",
    to: "inference_objective_request_error_total",
    labels: { model_name: "model_name", target_model_name: "target_model_name", error_code: "error_code" },
  },
  ...(
    [
      ["requestDuration", "inference_objective_request_duration_seconds"],
      ["requestSize", "inference_objective_request_sizes"],
      ["responseSize", "inference_objective_response_sizes"],
      ["inputTokens", "inference_objective_input_tokens"],
      ["outputTokens", "inference_objective_output_tokens"],
      ["cachedTokens", "inference_objective_prompt_cached_tokens"],
      ["ntpot", "inference_objective_normalized_time_per_output_token_seconds"],
    ] as const
  ).map(([from, to]) => ({ from, to, labels: { model_name: "model_name", target_model_name: "target_model_name" } })),
  { from: "requestRunning", to: "inference_objective_running_requests", labels: { model_name: "model_name" } },
  { from: "averageKvCacheUtilization", to: "inference_pool_average_kv_cache_utilization", labels: { name: "name" } },
  { from: "averageQueueSize", to: "inference_pool_average_queue_size", labels: { name: "name" } },
  { from: "averageRunningRequests", to: "inference_pool_average_running_requests", labels: { name: "name" } },
  { from: "readyEndpoints", to: "inference_pool_ready_pods", labels: { name: "name" } },
  {
    from: "perEndpointQueueSize",
    to: "inference_pool_per_pod_queue_size",
    labels: { name: "name", model_server_pod: "model_server_endpoint" },
  },
  { from: "schedulerDuration", to: "inference_extension_scheduler_e2e_duration_seconds", labels: {} },
  {
    from: "schedulerAttempts",
    to: "inference_extension_scheduler_attempts_total",
    labels: {
      status: "status",
      target_model_name: "target_model_name",
      pod_name: "endpoint_name",
      namespace: "namespace",
      port: "port",
    },
  },
  {
    from: "poolSaturation",
    to: "inference_extension_flow_control_pool_saturation",
    labels: { inference_pool: "inference_pool", stage: "stage" },
  },
  {
    from: "modelRewriteDecisions",
    to: "inference_extension_model_rewrite_decisions_total",
    labels: { model_rewrite_name: "model_rewrite_name", model_name: "model_name", target_model: "target_model" },
  },
  { from: "info", to: "inference_extension_info", labels: { commit: "commit", build_ref: "build_ref" } },
];
