import assert from "node:assert/strict";
import { test } from "node:test";
import { fitRecord } from "../../../simulator/experiment/fit-record.ts";
import {
  type FittedReplica,
  formatCoefficients,
  readCoefficients,
  replicaOverrides,
} from "../../../simulator/experiment/fitted-replica.ts";
import type { OpenedRecord } from "../../../simulator/experiment/open-record.ts";
import type { EndpointSeries } from "../../../simulator/metrics/recorded-metrics.ts";
import { collectRun } from "../../../simulator/recording/recorded-run.ts";
import { checkReplicaConfig } from "../../../simulator/replica/config.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { inMemory } from "../../support/a-recorded-picker.ts";
import { aRecordedRun, variedRows } from "../../support/a-recorded-run.ts";
import { recordReplica } from "../metrics/a-recorded-replica.ts";

const preset = "llama-3-8b-h100";
const server = presetConfig(preset);

function metricsOf(endpoints: readonly EndpointSeries[]): OpenedRecord {
  return { kind: "metrics", metrics: { source: "", endpoints, skipped: 0, problems: [], notes: [] } };
}

function recordingOf(text: string): OpenedRecord {
  return { kind: "recording", run: collectRun(inMemory(text.trimEnd().split("\n"))) };
}

const series = recordReplica(server, { seed: 1, seconds: 600, sampleMs: 1000, ratePerSecond: 14 });
const records: Readonly<Record<string, OpenedRecord>> = {
  metrics: metricsOf([series]),
  recording: recordingOf(aRecordedRun(1, variedRows(120))),
};

for (const [kind, record] of Object.entries(records)) {
  test(`coefficients come back from ${kind}, with the KV cache and without attention`, (context) => {
    const { coefficients, kvTokens, blockSizeTokens, fit } = fitRecord(record, "record", preset);
    context.diagnostic(JSON.stringify({ coefficients, fit }));
    const off = (name: "baseMs" | "perContextTokenUs" | "perPrefillTokenUs"): number =>
      Math.abs(coefficients[name] / server.coefficients[name] - 1);
    assert.ok(off("baseMs") < 0.03, `c0 ${coefficients.baseMs}`);
    assert.ok(off("perPrefillTokenUs") < 0.15, `cP ${coefficients.perPrefillTokenUs}`);
    assert.equal(coefficients.attentionNs, 0);
    assert.deepEqual([kvTokens, blockSizeTokens], [server.kvTokens, server.blockSizeTokens]);
    assert.ok(fit !== undefined && fit.heldOutError < 0.05 && fit.conditionNumber < 30, JSON.stringify(fit));
  });
}

const short = recordReplica(server, { seed: 1, seconds: 60, sampleMs: 1000, ratePerSecond: 14 });
const refused: readonly (readonly [what: string, record: OpenedRecord, message: RegExp])[] = [
  [
    "metrics of a load that did not change",
    metricsOf([short]),
    /^Error: Cannot fit coefficients to "DIR": found a condition number of 2\d\d, .*expected at most 30 /,
  ],
  [
    "a recording of equal requests at equal distances",
    recordingOf(aRecordedRun()),
    /^Error: Cannot fit coefficients to "DIR": found a condition number of .* expected at most 30 /,
  ],
  [
    "metrics without work",
    metricsOf([{ ...series, gauges: { ...series.gauges, running: series.timesMs.map(() => 0) } }]),
    /^Error: Cannot fit coefficients: 0 stretches of work .*; found in "DIR"$/,
  ],
];

for (const [what, record, message] of refused) {
  test(`${what} identify no coefficients`, () => {
    assert.throws(() => fitRecord(record, "DIR", preset), message);
  });
}

test("a server whose pages do not show its cache has that of the preset", () => {
  const record = metricsOf([{ ...series, kvBlocks: undefined, blockSizeTokens: undefined }]);
  const fitted = fitRecord(record, "record", preset);
  assert.equal(fitted.kvTokens, undefined);
  assert.deepEqual(fitted.coefficients, fitRecord(metricsOf([series]), "record", preset).coefficients);
});

const given: FittedReplica = {
  kind: "epp-coefficients",
  schemaVersion: 1,
  preset,
  coefficients: { ...server.coefficients, baseMs: 9 },
  kvTokens: 40_007,
};

test("a file of coefficients is read back as it was written, and makes a server that can be", () => {
  const fitted = fitRecord(metricsOf([series]), "record", preset);
  assert.deepEqual(readCoefficients(formatCoefficients(fitted), "f.json"), fitted);
  const config = presetConfig(preset, replicaOverrides(preset, given));
  checkReplicaConfig(config);
  assert.deepEqual([config.coefficients.baseMs, config.kvTokens, config.maxModelTokens], [9, 40_007, 40_000]);
});

const broken: readonly (readonly [change: object, message: RegExp])[] = [
  [{ preset: "gpt-9" }, /f\.json:\d+:\d+ preset: /],
  [{ coefficients: { ...server.coefficients, baseMs: 0 } }, /f\.json:\d+:\d+ coefficients\.baseMs: /],
  [{ coefficients: { baseMs: 7 } }, /coefficients.*perRequestUs/],
  [{ kvTokens: 1.5 }, /f\.json:\d+:\d+ kvTokens: /],
  [{ kind: "else" }, /f\.json:\d+:\d+ kind: /],
];

for (const [change, message] of broken) {
  test(`a file of coefficients with ${JSON.stringify(change)} is refused with its place`, () => {
    assert.throws(() => readCoefficients(JSON.stringify({ ...given, ...change }, undefined, 2), "f.json"), message);
  });
}
