import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openRecording } from "../../simulator/recording/read-recording.ts";
import { replay, type ReplayOptions } from "../../simulator/recording/replay.ts";
import { endpointsText, startTestPicker } from "../support/a-picker.ts";
import { compileConfig } from "../support/a-recorded-picker.ts";
import { skipWithoutEnvoy } from "../support/envoy.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { runEpp, startEpp } from "../support/run-epp.ts";

const free = ["--host", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"];
const atOnce = ["--drain-timeout", "0", "--drain-hard-stop", "0"];
const entry = fileURLToPath(new URL("../support/epp-command.mjs", import.meta.url));

function aFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "epp-recorded-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function anEndpointsFile(t: TestContext, servers = 2): Promise<string> {
  const all = await Promise.all(Array.from({ length: servers }, (_, i) => startFakeModelServer(t, { waiting: i })));
  const file = join(aFolder(t), "endpoints.json");
  writeFileSync(file, endpointsText(all));
  return file;
}

const replayAll = (folder: string): ReturnType<typeof replay> => {
  const options: ReplayOptions = { recording: openRecording(folder), load: compileConfig, configs: [] };
  return replay(options);
};
const textOf = (folder: string): string =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");

test("S61 T61 concurrent requests through a whole picker are recorded without their text and replay to the last pick", async (t) => {
  const servers = await Promise.all(
    [0, 1, 2].map((i) => startFakeModelServer(t, { waiting: i, running: 3 * i, kvCacheRatio: 0.1 * i })),
  );
  const folder = aFolder(t);
  const canary = "canary-5d1e-in-the-prompt";
  const picker = await startTestPicker(t, servers, { record: { folder, limits: { fileBytes: 20_000 } } });
  const send = async (i: number): Promise<void> => {
    const stream = picker.open();
    const prompt = `${canary} ${"x".repeat((i % 5) * 700)} ${i % 7}`;
    stream.requestHeaders(completionHeaders).requestBody(completion("base", prompt));
    await stream.until(isLastOfRequest);
    const usage = JSON.stringify({ usage: { prompt_tokens: 9, completion_tokens: i } });
    stream.responseHeaders([
      [":status", "200"],
      ["content-type", "application/json"],
    ]);
    stream.responseBody(usage, true);
    await stream.until((answer) => answer.response_body !== undefined);
    await stream.close();
  };
  for (let round = 0; round < 15; round++) {
    await Promise.all(Array.from({ length: 8 }, (_, i) => send(8 * round + i)));
  }
  await picker.picker.close();
  const { recorded, isComplete, skippedLines } = replayAll(folder);
  assert.deepEqual([recorded.decisions, recorded.identical], [120, 120]);
  assert.deepEqual([isComplete, skippedLines], [true, 0]);
  assert.ok(readdirSync(folder).length > 1);
  assert.ok(!textOf(folder).includes(canary));
  assert.match(textOf(folder), /"kind":"done".*"outputTokens":/);
});

test("F43 a picker that is killed leaves a recording that is read to its last whole line", async (t) => {
  const folder = aFolder(t);
  const epp = startEpp(t, ["serve", "--endpoints", await anEndpointsFile(t), "--record", folder, ...free, ...atOnce]);
  await epp.says(/Picker is serving/);
  while (!/"kind":"sample"/.test(textOf(folder))) await tick();
  epp.kill("SIGKILL");
  await epp.ended;
  const recording = openRecording(folder);
  const kinds = new Set(Array.from(recording.lines(), ({ kind }) => kind));
  for (const kind of ["config", "pool", "ask", "sample"] as const) assert.ok(kinds.has(kind), kind);
  assert.ok(recording.report.skipped <= 1);
  assert.equal(recording.report.isComplete, false);
});

test("a limit on the size of files costs lines of the recording, neither the picker nor other lines", async (t) => {
  const folder = aFolder(t);
  const args = ["serve", "--endpoints", await anEndpointsFile(t, 4), "--record", folder, ...free, ...atOnce];
  const command = `ulimit -f 8 && exec "$@"`;
  const child = spawn("bash", ["-c", command, "bash", process.execPath, "--import", "tsx", entry, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  while (readdirSync(folder).length < 3 && child.exitCode === null) await tick();
  child.kill("SIGTERM");
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Cannot write the recording, lines are dropped meanwhile/);
  for (const name of readdirSync(folder)) assert.ok(statSync(join(folder, name)).size <= 8 * 1024);
  const recording = openRecording(folder);
  const lines = [...recording.lines()];
  assert.ok(lines.length > 100);
  assert.ok(recording.report.skipped <= readdirSync(folder).length);
  assert.ok(recording.report.dropped > 0);
});

test("epp record writes samples beside any picker; epp replay says that it holds no decision", async (t) => {
  const folder = aFolder(t);
  const run = await runEpp(t, [
    "record",
    "--endpoints",
    await anEndpointsFile(t),
    "--out",
    folder,
    "--duration",
    "500ms",
  ]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(textOf(folder), /"kind":"sample".*"waiting":1/);
  const replayed = await runEpp(t, ["replay", folder]);
  assert.equal(replayed.code, 1);
  assert.match(replayed.stderr, /holds no decision: it was recorded beside another picker, or no request came\n$/);
});

test("epp record says that no endpoint answers, and where to look, with 1", async (t) => {
  const file = join(aFolder(t), "endpoints.json");
  writeFileSync(file, `endpoints: [{ name: a, address: 127.0.0.1, port: "1" }]\n`);
  const run = await runEpp(t, ["record", "--endpoints", file, "--out", aFolder(t), "--duration", "300ms"]);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /^epp: none of 1 endpoints showed a sample: epp doctor --endpoints .* says why$/m);
});

for (const [args, problem] of [
  [["replay", "/nowhere"], /^epp: Cannot read recording "\/nowhere": found ENOENT/],
  [["replay", "/nowhere", "--config", "/neither"], /^epp: Cannot read config "\/neither": ENOENT/],
] as const) {
  test(`epp ${args.join(" ")}: one line, and 1`, async (t) => {
    const { code, stderr } = await runEpp(t, args);
    assert.equal(code, 1);
    assert.match(stderr, problem);
    assert.equal(stderr.split("\n").length, 2);
  });
}

test("a recorded demo run replays with every decision identical", { skip: skipWithoutEnvoy }, async (t) => {
  const folder = join(aFolder(t), "recording");
  const demo = await runEpp(t, ["demo", "--seconds", "2", "--servers", "3", "--record", folder, "--json"]);
  assert.equal(demo.code, 0, demo.stderr);
  const { code, stdout } = await runEpp(t, ["replay", folder, "--json"]);
  assert.equal(code, 0);
  const { decisions, recorded, cautions } = JSON.parse(stdout) as ReturnType<typeof replay>;
  assert.ok(decisions > 50);
  assert.equal(recorded.identical, decisions);
  assert.deepEqual(cautions, []);
});

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 25));
