import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { DemoReport } from "../../../simulator/demo/report.ts";
import { skipWithoutEnvoy } from "../../support/envoy.ts";
import { runEpp, startEpp } from "../../support/run-epp.ts";

/** A folder for temporary files that the demo under test has for itself. */
function ownTemporaryFolder(t: TestContext): string {
  const [folder, before] = [mkdtempSync(join(tmpdir(), "demo-test-")), process.env["TMPDIR"]];
  process.env["TMPDIR"] = folder;
  t.after(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Command lines of running processes that have something in `folder` open by name; empty where /proc does not tell. */
function processesIn(folder: string): string[] {
  if (!existsSync("/proc/self/cmdline")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    })
    .filter((command) => command.includes(folder));
}

test("epp demo --json prints one document with three arms and leaves nothing behind", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const folder = ownTemporaryFolder(t);
  const { code, stdout, stderr } = await runEpp(t, [
    "demo",
    "--json",
    "--seconds",
    "2",
    "--seed",
    "7",
    "--servers",
    "4",
  ]);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout) as DemoReport;
  assert.match(report.envoy.version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual([report.servers, report.seed], [4, 7]);
  assert.ok(report.offered / report.capacity > 0.6 && report.offered / report.capacity < 0.8);
  assert.deepEqual(
    report.arms.map(({ name, requests, errors }) => ({ name, requests, errors })),
    [
      { name: "round-robin", requests: report.offered * 2, errors: 0 },
      { name: "least-request", requests: report.offered * 2, errors: 0 },
      { name: "picker", requests: report.offered * 2, errors: 0 },
    ],
  );
  for (const { ttftMs, e2eMs, outputTokensPerSecond, prefixHitRatio, share } of report.arms) {
    for (const { p50, p90, p99 } of [ttftMs, e2eMs]) assert.ok(0 < p50 && p50 <= p90 && p90 <= p99);
    assert.ok(outputTokensPerSecond > 0 && prefixHitRatio > 0 && prefixHitRatio < 1);
    assert.deepEqual(Object.keys(share), ["server-0", "server-1", "server-2", "server-3"]);
    assert.ok(Math.abs(Object.values(share).reduce((sum, part) => sum + part, 0) - 1) < 0.001);
  }
  assert.ok(report.decisionMs.p50 > 0 && report.decisionMs.p99 >= report.decisionMs.p50);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("epp-demo-")),
    [],
  );
  assert.deepEqual(processesIn(folder), []);
});

const interruptions = [
  { when: "while it starts", says: /round-robin: starting/, signal: "SIGTERM", code: 143 },
  { when: "under load", says: /round-robin: 5 of 60 s/, signal: "SIGINT", code: 130 },
] as const;
for (const { when, says, signal, code } of interruptions) {
  test(`epp demo stopped by ${signal} ${when} leaves nothing behind`, { skip: skipWithoutEnvoy }, async (t) => {
    const folder = ownTemporaryFolder(t);
    const epp = startEpp(t, ["demo", "--json", "--seconds", "60", "--servers", "2"]);
    await epp.says(says);
    epp.kill(signal);
    const ended = await epp.ended;
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, /Interrupted: everything the demo started has ended/);
    assert.equal(ended.stdout, "");
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("epp-demo-")),
      [],
    );
    assert.deepEqual(processesIn(folder), []);
  });
}

test("epp demo refuses what it cannot do in one line", async (t) => {
  for (const [args, want] of [
    [["--load", "heavy"], /Allowed choices are mixed, uniform/],
    [["--seconds", "0"], /expected a whole number of at least 1/],
  ] as const) {
    const { code, stderr } = await runEpp(t, ["demo", ...args]);
    assert.equal(code, 2);
    assert.match(stderr, want);
  }
});

test("epp demo says in one line what to do without Envoy and without python3", async (t) => {
  const folder = ownTemporaryFolder(t);
  const before = {
    PATH: process.env["PATH"],
    XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"],
    ENVOY_BIN: process.env["ENVOY_BIN"],
  };
  Object.assign(process.env, { PATH: folder, XDG_CACHE_HOME: folder });
  delete process.env["ENVOY_BIN"];
  t.after(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  const { code, stderr } = await runEpp(t, ["demo"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^epp: Cannot install Envoy: no python3 on PATH; install python3 with pip, or set ENVOY_BIN .*$/m,
  );
});
