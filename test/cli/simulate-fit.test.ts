import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { FittedReplica } from "../../simulator/experiment/fitted-replica.ts";
import { presetConfig } from "../../simulator/replica/presets.ts";
import { recordReplica } from "../simulator/metrics/a-recorded-replica.ts";
import { metricPages } from "../support/metric-pages.ts";
import { runEpp } from "../support/run-epp.ts";

const folder = mkdtempSync(join(tmpdir(), "epp-fit-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const server = presetConfig("qwen3-32b-h100-tp2");
const recorded = { seed: 3, sampleMs: 1000, ratePerSecond: 8 };
const long = join(folder, "long.prom");
writeFileSync(long, metricPages([recordReplica(server, { ...recorded, seconds: 400 })]));
const short = join(folder, "short.prom");
writeFileSync(short, metricPages([recordReplica(server, { ...recorded, seconds: 40 })]));
const terms = ["--policy", "random", "--replicas", "1", "--limit", "50"];
const run = (t: Parameters<typeof runEpp>[0], ...args: string[]): ReturnType<typeof runEpp> =>
  runEpp(t, ["simulate", ...args, ...terms]);

test("--fit uses what was fitted and tells how well, --fit-out writes it, --coefficients uses it again", async (t) => {
  const file = join(folder, "fitted.json");
  const text = await run(t, "--metrics", long, "--preset", "qwen3-32b-h100-tp2", "--fit", "--fit-out", file);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /qwen3-32b-h100-tp2 with own coefficients/);
  assert.match(text.stdout, /Coefficients fitted to .*long\.prom/);
  assert.match(text.stdout, /a step \(c0\), ms .* 1[23]\.\d .* 13\.0 /);
  assert.match(
    text.stdout,
    /\nerror on the \d+ stretches held out [\d.]+ %, R2 0\.\d+ on .*, condition number [\d.]+, KV cache of 307,328 tokens\n/,
  );
  assert.match(text.stdout.replaceAll(/\s+/g, " "), /the coefficients are fitted to .*long\.prom, where they miss/);
  const again = await run(t, "--metrics", long, "--coefficients", file, "--json");
  const { fitted, preset } = JSON.parse(again.stdout) as { fitted: FittedReplica; preset: string };
  assert.equal(preset, "qwen3-32b-h100-tp2");
  assert.ok(Math.abs(fitted.coefficients.baseMs / 13 - 1) < 0.02, JSON.stringify(fitted));
  assert.equal(fitted.fit?.source, long);
});

const refused: readonly (readonly [args: readonly string[], code: number, message: RegExp])[] = [
  [["--metrics", short, "--fit"], 1, /epp: Cannot fit coefficients.*short\.prom"/],
  [["--scenario", "uniform", "--fit"], 2, /cannot use --fit: only --metrics and --recording say how long steps took/],
  [["--metrics", long, "--fit-out", "f"], 2, /cannot use --fit-out without --fit/],
  [["--metrics", long, "--fit", "--coefficients", "f"], 2, /cannot use --fit together with --coefficients/],
  [["--scenario", "uniform", "--coefficients", "/nowhere"], 1, /Cannot read coefficients "\/nowhere"/],
];

for (const [args, code, message] of refused) {
  test(`epp simulate ${args.map((arg) => arg.replace(folder, "DIR")).join(" ")} is refused`, async (t) => {
    const ended = await run(t, ...args);
    assert.deepEqual([ended.code, ended.stdout], [code, ""]);
    assert.match(ended.stderr, message);
  });
}
