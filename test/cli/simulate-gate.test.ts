import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { GateResult } from "../../simulator/gate/gate.ts";
import { aRecordedRun } from "../support/a-recorded-run.ts";
import { type EppRun, runEpp } from "../support/run-epp.ts";

const terms = ["--policy", "round-robin", "default", "--seeds", "2", "--sensitivity", "0"];

function rehearse(t: TestContext, shown: number, ...args: string[]): Promise<EppRun> {
  const folder = mkdtempSync(join(tmpdir(), "epp-gate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "a.ndjson"), aRecordedRun(shown));
  return runEpp(t, ["simulate", "--recording", folder, ...terms, ...args]);
}

const gateOf = ({ stdout }: EppRun): GateResult => (JSON.parse(stdout) as { gate: GateResult }).gate;

test("a recording that the simulator reproduces passes the gate, which the document tells after its other fields", async (t) => {
  const run = await rehearse(t, 1, "--json");
  assert.deepEqual([run.code, run.stderr], [0, ""]);
  const { replicas, recordedReplicas } = JSON.parse(run.stdout) as Record<string, number>;
  assert.deepEqual([replicas, recordedReplicas], [2, 2]);
  const { policy, passes, rows } = gateOf(run);
  assert.deepEqual([policy, passes], ["recorded config", true]);
  assert.deepEqual(
    rows.flatMap(({ what, passes: ok }) => (/mean|over time/.test(what) ? [] : [[what, ok]])),
    [
      ["running requests", true],
      ["KV cache ratio", true],
      ["waiting requests", true],
      ["TTFT distribution", true],
      ["ITL distribution", null],
      ["TPOT distribution", null],
      ["E2E distribution", null],
    ],
  );
  assert.deepEqual(Object.keys(JSON.parse(run.stdout) as object).at(-1), "gate");
});

test("a recording that it does not reproduce gets a table of errors and no ranking", async (t) => {
  const { code, stdout, stderr } = await rehearse(t, 1.5);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^Gate: recorded config, simulated first, does not reproduce the record\n/);
  assert.match(stderr, /running requests .*too far off/);
  assert.match(stderr, /\nepp: Cannot rank policies on ".*": .*running requests, KV cache ratio too far off.*\n$/);
});

test("--despite-gate ranks all the same and says so", async (t) => {
  const { code, stdout } = await rehearse(t, 1.5, "--despite-gate");
  assert.equal(code, 0);
  assert.match(stdout, /does not reproduce the record/);
  assert.match(stdout.replaceAll(/\s+/g, " "), /do not trust the order of the policies/);
});

test("as many servers are simulated as were recorded, unless --replicas says otherwise, which leaves the gate as it is", async (t) => {
  const [usual, more] = await Promise.all([rehearse(t, 1), rehearse(t, 1, "--replicas", "3")]);
  assert.deepEqual([usual.code, more.code], [0, 0]);
  const [told, toldMore] = [usual, more].map(({ stdout }) => stdout.replaceAll(/\s+/g, " "));
  assert.match(told ?? "", / 2 replicas, .* The record is of 2 servers, and as many were simulated\./);
  assert.match(toldMore ?? "", / 3 replicas, .* The record is of 2 servers, but 3 were simulated \(--replicas\):/);
  const [gate, gateOfMore] = [usual, more].map(({ stdout }) => /^Gate: [^]*?^Not ranked .*$/m.exec(stdout)?.[0]);
  assert.ok(gate !== undefined);
  assert.equal(gate, gateOfMore);
});

test("a recording that names no server needs --replicas", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "epp-gate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const lines = aRecordedRun().split("\n");
  writeFileSync(join(folder, "a.ndjson"), lines.filter((line) => !line.includes('"kind":"pool"')).join("\n"));
  const { code, stdout, stderr } = await runEpp(t, ["simulate", "--recording", folder, ...terms]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^epp: cannot take the number of servers from ".*": it names none, expected --replicas$/m);
});

test("--recorded-policy is simulated instead of the recorded config", async (t) => {
  const run = await rehearse(t, 1, "--recorded-policy", "random", "--despite-gate", "--json");
  assert.equal(gateOf(run).policy, "random");
});

test("flags of the gate are refused without a record", async (t) => {
  const run = await runEpp(t, ["simulate", "--scenario", "uniform", "--despite-gate"]);
  assert.deepEqual([run.code, run.stdout], [2, ""]);
  assert.match(run.stderr, /cannot use --despite-gate: only a recorded load has a recorded policy/);
});
