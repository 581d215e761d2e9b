/** The Grafana dashboard as data: `npm run manifests` writes it to manifests/monitoring/dashboard.json. */

const pickers = `{job=~"$job"}`;
const rate = (metric, by = "") => `sum${by === "" ? "" : ` by (${by})`} (rate(${metric}${pickers}[$__rate_interval]))`;
const quantile = (q, metric) =>
  `histogram_quantile(${q}, sum by (le) (rate(${metric}_bucket${pickers}[$__rate_interval])))`;
const each = (metric, by, how = "max") => `${how} by (${by}) (${metric}${pickers})`;

/** Three lines of one histogram. */
const quantiles = (metric) => [
  [quantile(0.5, metric), "p50"],
  [quantile(0.9, metric), "p90"],
  [quantile(0.99, metric), "p99"],
];

/** Rows of panels: title, unit, and lines of an expression and a legend. */
const rows = [
  {
    title: "Requests",
    panels: [
      ["Requests by model", "reqps", [[rate("llm_d_epp_request_total", "target_model_name"), "{{target_model_name}}"]]],
      ["Errors by code", "reqps", [[rate("llm_d_epp_request_error_total", "error_code"), "{{error_code}}"]]],
      [
        "Requests under way",
        "short",
        [[each("llm_d_epp_request_running", "target_model_name", "sum"), "{{target_model_name}}"]],
      ],
      ["Time to first byte", "s", quantiles("llm_d_epp_request_ttft_seconds")],
      ["Time between chunks", "s", quantiles("llm_d_epp_request_streaming_itl_seconds")],
      ["Whole request", "s", quantiles("llm_d_epp_request_duration_seconds")],
      [
        "Tokens a second",
        "short",
        [
          [rate("llm_d_epp_request_input_tokens_sum"), "prompt"],
          [rate("llm_d_epp_request_cached_tokens_sum"), "prompt, from cache"],
          [rate("llm_d_epp_request_output_tokens_sum"), "generated"],
        ],
      ],
      [
        "Prompt tokens from cache",
        "percentunit",
        [[`${rate("llm_d_epp_request_cached_tokens_sum")} / ${rate("llm_d_epp_request_input_tokens_sum")}`, "share"]],
      ],
      [
        "Models that rules chose",
        "reqps",
        [[rate("llm_d_epp_model_rewrite_decisions_total", "target_model"), "{{target_model}}"]],
      ],
    ],
  },
  {
    title: "Pool",
    panels: [
      ["Endpoints", "short", [[each("llm_d_epp_ready_endpoints", "name"), "{{name}}"]]],
      [
        "Mean load",
        "short",
        [
          [each("llm_d_epp_average_queue_size", "name"), "waiting, {{name}}"],
          [each("llm_d_epp_average_running_requests", "name"), "running, {{name}}"],
        ],
      ],
      [
        "KV cache",
        "percentunit",
        [
          [each("llm_d_epp_average_kv_cache_utilization", "name"), "mean, {{name}}"],
          [each("llm_d_epp_std_dev_kv_cache_utilization", "name"), "deviation, {{name}}"],
        ],
      ],
      [
        "Waiting by endpoint",
        "short",
        [[each("llm_d_epp_per_endpoint_queue_size", "model_server_endpoint"), "{{model_server_endpoint}}"]],
      ],
      [
        "Picks by endpoint",
        "reqps",
        [[rate("llm_d_epp_scheduler_attempts_total", "endpoint_name"), "{{endpoint_name}}"]],
      ],
      [
        "Under way by endpoint",
        "short",
        [[each("llm_d_epp_inflight_requests", "endpoint_name", "sum"), "{{endpoint_name}}"]],
      ],
      [
        "Saturation",
        "percentunit",
        [[each("llm_d_epp_flow_control_pool_saturation", "inference_pool"), "{{inference_pool}}"]],
      ],
      [
        "Endpoints apart",
        "short",
        [
          [`sum(epp_endpoint_last_resort${pickers})`, "last resort: refuse connections"],
          [`sum(epp_endpoint_slow_start${pickers})`, "newcomers"],
        ],
      ],
      [
        "Prefill under way",
        "short",
        [[each("epp_endpoint_prefill_tokens", "endpoint_name", "sum"), "{{endpoint_name}}"]],
      ],
    ],
  },
  {
    title: "Signals",
    panels: [
      ["Age of samples", "s", [[each("epp_endpoint_sample_age_seconds", "endpoint_name"), "{{endpoint_name}}"]]],
      ["Failed scrapes", "ops", [[rate("epp_scrape_failures_total", "reason"), "{{reason}}"]]],
      ["Time of a scrape", "s", quantiles("epp_scrape_duration_seconds")],
      ["Scrape interval", "s", [[`max(epp_scrape_interval_seconds${pickers})`, "interval"]]],
      ["Missing families", "ops", [[rate("epp_scrape_missing_families_total", "signal"), "{{signal}}"]]],
      ["Credit of pages", "percentunit", [[each("epp_endpoint_credit", "endpoint_name", "min"), "{{endpoint_name}}"]]],
      [
        "Requests from elsewhere",
        "short",
        [[each("epp_endpoint_drift_requests", "endpoint_name"), "{{endpoint_name}}"]],
      ],
      ["What corrections miss", "short", [[`max by (signal) (abs(epp_signal_residual${pickers}))`, "{{signal}}"]]],
      ["Without fresh samples", "short", [[`max(epp_pool_degraded${pickers})`, "degraded"]]],
    ],
  },
  {
    title: "API server",
    panels: [
      ["Since the API server last spoke", "s", [[each("epp_kubernetes_watch_age_seconds", "kind"), "{{kind}}"]]],
      ["Failures", "ops", [[rate("epp_kubernetes_errors_total", "kind, reason"), "{{kind}}: {{reason}}"]]],
      ["Objects", "short", [[each("epp_kubernetes_objects", "kind"), "{{kind}}"]]],
      ["Pods that join and leave", "ops", [[rate("epp_pool_membership_changes_total", "change"), "{{change}}"]]],
      ["Ready pods without traffic", "ops", [[rate("epp_pool_refused_pods_total", "reason"), "{{reason}}"]]],
      [
        "Objects that cannot be used, or were missed",
        "ops",
        [
          [rate("epp_invalid_objects_total", "kind"), "unusable {{kind}}"],
          [rate("epp_kubernetes_drift_objects_total", "kind"), "missed {{kind}}"],
        ],
      ],
    ],
  },
  {
    title: "Picker",
    panels: [
      ["Decision, from the body's end to the answer", "s", quantiles("epp_decision_duration_seconds")],
      ["Event loop lag", "s", [[each("epp_event_loop_lag_seconds", "quantile"), "{{quantile}}"]]],
      ["Open streams", "short", [[each("epp_streams_open", "pod"), "{{pod}}"]]],
      ["Bytes of bodies held", "bytes", [[each("epp_buffered_bytes", "pod"), "{{pod}}"]]],
      [
        "Picks without a body, illegal messages",
        "ops",
        [
          [rate("epp_degraded_picks_total", "mode"), "on headers alone: {{mode}}"],
          [rate("epp_illegal_messages_total", "reason"), "{{reason}}"],
        ],
      ],
      ["Decisions kept for epp explain", "s", [[`min(epp_decision_ring_span_seconds${pickers})`, "span"]]],
      [
        "Files refused",
        "ops",
        [
          [
            `sum by (file) (rate(epp_file_reloads_total{job=~"$job", outcome="rejected"}[$__rate_interval]))`,
            "{{file}}",
          ],
        ],
      ],
      ["Certificate ends in", "s", [[`min(epp_certificate_expiry_seconds${pickers}) - time()`, "certificate"]]],
      [
        "Stalls and shortages",
        "ops",
        [
          [rate("epp_event_loop_stalls_total"), "stalls of more than 100 ms"],
          [rate("epp_descriptor_shortages_total"), "descriptor shortages"],
          [rate("epp_drain_cut_streams_total"), "streams cut"],
        ],
      ],
    ],
  },
];

const [width, height, inARow] = [8, 7, 3];
const datasource = { type: "prometheus", uid: "${datasource}" };

/** The dashboard as JSON text. */
export function dashboardText() {
  let y = 0;
  let id = 0;
  const panels = rows.flatMap(({ title, panels: own }) => {
    const row = { id: ++id, type: "row", title, collapsed: false, gridPos: { x: 0, y: y++, w: 24, h: 1 }, panels: [] };
    const placed = own.map(([name, unit, lines], at) => ({
      id: ++id,
      type: "timeseries",
      title: name,
      datasource,
      gridPos: { x: (at % inARow) * width, y: y + Math.floor(at / inARow) * height, w: width, h: height },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi", sort: "desc" } },
      targets: lines.map(([expr, legendFormat], line) => ({
        refId: String.fromCharCode(65 + line),
        datasource,
        expr,
        legendFormat,
      })),
    }));
    y += Math.ceil(own.length / inARow) * height;
    return [row, ...placed];
  });
  return `${JSON.stringify({ ...frame, panels }, null, 2)}\n`;
}

const frame = {
  uid: "inference-endpoint-picker",
  title: "Inference endpoint picker",
  tags: ["llm", "inference"],
  schemaVersion: 39,
  version: 1,
  editable: true,
  refresh: "10s",
  time: { from: "now-30m", to: "now" },
  templating: {
    list: [
      { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
      {
        name: "job",
        label: "Picker",
        type: "query",
        datasource,
        query: { query: "label_values(llm_d_epp_info, job)", refId: "job" },
        definition: "label_values(llm_d_epp_info, job)",
        refresh: 2,
        includeAll: true,
        multi: true,
      },
    ],
  },
};
