import { createRandom } from "../../src/lib/random.ts";
import { simulate } from "../../simulator/engine/simulate.ts";
import { findPolicy } from "../../simulator/policies/registry.ts";
import type { Policy } from "../../simulator/policies/policy.ts";
import { presetConfig } from "../../simulator/replica/presets.ts";
import { RequestTableBuilder } from "../../simulator/traces/request-table-builder.ts";
import { aHeader } from "./a-recorded-picker.ts";

const config = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: queue-scorer
  - type: kv-cache-utilization-scorer
  - type: max-score-picker
schedulingProfiles:
  - name: default
    plugins:
      - {pluginRef: queue-scorer, weight: 2}
      - {pluginRef: kv-cache-utilization-scorer, weight: 2}
      - pluginRef: max-score-picker
`;
const sampleMs = 50;

/** One request of a recorded run. */
export interface RecordedRow {
  readonly arrivalMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** Equal requests, ten a second. */
const evenRows: readonly RecordedRow[] = Array.from({ length: 300 }, (_, i) => ({
  arrivalMs: i * 100,
  promptTokens: 2000,
  outputTokens: 200,
}));

/** A load that rises and falls, now of long prompts, now of long answers, so that coefficients can be told apart. */
export function variedRows(seconds: number): RecordedRow[] {
  const random = createRandom(4);
  const rows: RecordedRow[] = [];
  for (let atMs = 0; atMs < seconds * 1000; ) {
    const isLong = Math.sin(atMs / 7000) > 0;
    rows.push({
      arrivalMs: atMs,
      promptTokens: Math.round((isLong ? 2500 : 200) * (0.5 + random())),
      outputTokens: Math.round((isLong ? 60 : 250) * (0.5 + random())),
    });
    atMs += (-Math.log(1 - random()) * 1000) / (24 * (1 + 0.8 * Math.sin(atMs / 12_000)));
  }
  return rows;
}

/**
 * Lines of a recording of two servers under `go-load-only`, made in virtual time: what a picker beside them would have written. Gauges
 * are shown `shown` times as high as they were.
 */
export function aRecordedRun(shown = 1, rows = evenRows): string {
  const table = new RequestTableBuilder(16, "model");
  for (const row of rows) table.add(row);
  const server = presetConfig("llama-3-8b-h100");
  const cache = { blockSizeTokens: server.blockSizeTokens, blocks: server.kvTokens / server.blockSizeTokens };
  const replicas = [server, server];
  const policy = findPolicy("go-load-only") as Policy;
  const run = simulate({ requests: table.build(), pool: { replicas }, policy, seed: 9, seriesMs: sampleMs });
  const { series } = run;
  const lines: { readonly atMs: number; readonly line: object }[] = [];
  for (let i = 0; i < series.samples * 2; i++) {
    const atMs = Math.floor(i / 2) * sampleMs;
    const [waiting, running, kv] = [series.waiting[i], series.running[i], series.kvCacheRatio[i]];
    const values = { waiting, running: (running ?? 0) * shown, kv: Math.min(1, (kv ?? 0) * shown), cache };
    lines.push({ atMs, line: { kind: "sample", e: i % 2, atMs, ...values } });
  }
  for (const [n, { arrivalMs: atMs, promptTokens, outputTokens }] of rows.entries()) {
    const [firstMs, lastMs] = [run.firstTokenMs[n] as number, run.lastTokenMs[n] as number];
    const sizes = { promptBytes: promptTokens * 4, promptTokens, outputTokens };
    const verdict = { draws: [], candidates: 2, total: null, margin: null, picked: [run.replica[n]] };
    const names = { requestId: `r${n}`, api: "completions", model: "model", streaming: true };
    lines.push({
      atMs,
      line: { kind: "pick", n, arrivedAtMs: atMs, decidedAtMs: atMs, ...names, ...sizes, ...verdict },
    });
    lines.push({ atMs: firstMs, line: { kind: "first", n, atMs: firstMs } });
    const end = { kind: "done", n, atMs: lastMs, cause: "completed", promptTokens, outputTokens };
    lines.push({ atMs: lastMs, line: end });
  }
  const endpoints = [0, 1].map((e) => ({ ...place, e, id: `server-${e}`, name: `server-${e}`, incarnation: `${e}` }));
  const head = [
    { ...aHeader, corrections: false },
    { kind: "config", atMs: 0, revision: "one", text: config },
    { kind: "pool", atMs: 0, endpoints },
  ];
  const inOrder = lines.toSorted((a, b) => a.atMs - b.atMs).map(({ line }) => line);
  return [...head, ...inOrder].map((line) => `${JSON.stringify(line)}\n`).join("");
}

const place = { host: "10.0.0.1", port: 8000, address: "10.0.0.1:8000", namespace: "", labels: {} };
