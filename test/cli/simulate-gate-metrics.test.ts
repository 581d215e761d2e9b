import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import type { PairedResult } from "../../simulator/experiment/compare.ts";
import { errorOfFigure, type GateResult } from "../../simulator/gate/gate.ts";
import { aRecordedPool } from "../support/a-recorded-pool.ts";
import { type EppRun, runEpp } from "../support/run-epp.ts";

const folder = mkdtempSync(join(tmpdir(), "epp-gate-metrics-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "pool.prom");
writeFileSync(file, aRecordedPool());

const terms = ["--policy", "random", "default", "--seeds", "1", "--sensitivity", "0"];
const simulate = (t: TestContext, ...args: string[]): Promise<EppRun> =>
  runEpp(t, ["simulate", "--metrics", file, ...terms, ...args]);

interface Document {
  readonly replicas: number;
  readonly gate?: GateResult;
  readonly paired: readonly PairedResult[];
}

test("metrics that the recorded policy reproduces pass, and differences below its errors are not ranked", async (t) => {
  const { code, stdout, stderr } = await simulate(t, "--recorded-policy", "random", "--json");
  assert.deepEqual([code, stderr], [0, ""]);
  const { gate, paired, replicas } = JSON.parse(stdout) as Document;
  assert.equal(replicas, 2);
  assert.ok(gate !== undefined);
  assert.deepEqual([gate.policy, gate.passes, gate.isIgnored], ["random", true, undefined]);
  const known = gate.rows.filter(({ error }) => error !== null).map(({ what }) => what);
  for (const what of ["running", "KV cache", "waiting"])
    assert.ok(
      known.some((one) => one.startsWith(what)),
      what,
    );
  for (const what of ["TTFT", "ITL", "E2E"]) assert.ok(known.includes(`${what} distribution`), known.join());
  assert.ok(gate.overTime.recorded.running.length > 20);
  for (const { metric, relative, because } of paired) {
    const error = errorOfFigure(gate.errors, metric) ?? Number.NaN;
    if (because === null) assert.ok(Math.abs(relative.difference ?? 0) > error, metric);
    if (because === "gate") assert.ok(Math.abs(relative.difference ?? 0) <= error, metric);
  }
});

test("metrics that it does not reproduce get a table of errors and no ranking", async (t) => {
  const args = ["--recorded-policy", "random", "--preset", "llama-3-8b-a100"];
  const { code, stdout, stderr } = await simulate(t, ...args);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^Gate: random, simulated first, does not reproduce the record\n/);
  assert.match(stderr, /running requests, over time .*not judged/);
  assert.match(stderr, /\nepp: Cannot rank policies on ".*pool\.prom": .*running requests.* too far off/);
});

test("--despite-gate ranks all the same, below the errors too", async (t) => {
  const args = ["--recorded-policy", "random", "--preset", "llama-3-8b-a100", "--despite-gate", "--json"];
  const { code, stdout } = await simulate(t, ...args);
  assert.equal(code, 0);
  const { gate, paired } = JSON.parse(stdout) as Document;
  assert.deepEqual([gate?.passes, gate?.isIgnored], [false, true]);
  assert.ok(paired.every(({ because }) => because !== "gate"));
});

test("a ranking on metrics needs the name of what served them, or --despite-gate", async (t) => {
  const [unnamed, despite] = await Promise.all([simulate(t), simulate(t, "--despite-gate")]);
  assert.deepEqual([unnamed.code, unnamed.stdout], [2, ""]);
  assert.match(unnamed.stderr, /cannot rank policies on metrics without --recorded-policy: they do not say/);
  assert.equal(despite.code, 0, despite.stderr);
  assert.match(despite.stdout.replaceAll(/\s+/g, " "), /The recorded policy was not simulated first/);
});
