import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type PickerProcess, startPickerProcess } from "../support/a-picker-process.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { setHeaders } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

const beside = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url));

/** Status of the refusal of a request, or its destination. */
async function outcomeOf(picker: PickerProcess, prompt = "hi"): Promise<string | number | undefined> {
  const stream = picker.open().requestHeaders(completionHeaders).requestBody(completion("base", prompt));
  const [first] = await stream.until(isLastOfRequest);
  stream.responseHeaders([[":status", "200"]], true);
  await stream.close();
  return first?.immediate_response?.status?.code ?? setHeaders(first ?? {})["x-gateway-destination-endpoint"];
}

/** Waits for what another process does; fails after 10 s. */
const eventually = (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> =>
  until(what, isTrue, 10_000);

test("F69 a wall clock that jumps by an hour moves no deadline, no age and no scrape", async (t) => {
  const server = await startFakeModelServer(t, { waiting: 3 });
  const picker = await startPickerProcess(t, [server], { nodeOptions: ["--require", beside("clock-shim.cjs")] });
  const slow = picker.open().requestHeaders(completionHeaders);
  const before = server.requests();
  for (let round = 0; round < 20; round++) {
    assert.equal(await outcomeOf(picker), server.address);
    slow.requestBody(" ", false);
    const age = await picker.sample('epp_endpoint_sample_age_seconds{endpoint_name="server-0",namespace="default"}');
    assert.ok(age !== undefined && age >= 0 && age < 60, `a sample is ${age} s old`);
    await pause(50);
  }
  const scrapes = server.requests() - before;
  assert.ok(scrapes >= 2 && scrapes <= 100, `${scrapes} scrapes in a few seconds`);
  slow.requestBody(completion("base"));
  assert.equal(
    setHeaders(await slow.next())["x-gateway-destination-endpoint"],
    server.address,
    "no deadline has passed",
  );
  await slow.close();
});

test("F70 a picker that stood still for a second goes on where it was: no burst of scrapes, nothing forgotten", async (t) => {
  const server = await startFakeModelServer(t, { waiting: 3 });
  const picker = await startPickerProcess(t, [server]);
  const stream = picker.open().requestHeaders(completionHeaders);
  stream.requestBody(completion("base").slice(0, 10), false);
  await eventually("a scrape", async () => (await picker.sample("epp_pool_degraded")) === 0);
  picker.child.kill("SIGSTOP");
  await pause(1200);
  const before = server.requests();
  picker.child.kill("SIGCONT");
  stream.requestBody(completion("base").slice(10));
  assert.equal(setHeaders(await stream.next())["x-gateway-destination-endpoint"], server.address);
  await stream.close();
  const scrapes = server.requests() - before;
  assert.ok(scrapes <= 3, `${scrapes} scrapes at once`);
  await eventually(
    "a count of the stall",
    async () => ((await picker.sample("epp_event_loop_stalls_total")) ?? 0) >= 1,
  );
  assert.equal(await outcomeOf(picker), server.address);
});

test("F71 without file descriptors the picker waits for some, without a busy loop, and takes connections again", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startPickerProcess(t, [server], { maxFiles: 256 });
  assert.equal(await outcomeOf(picker), server.address);
  const flood = await aFlood(t, picker.grpcPort, 400);
  await eventually("use of every descriptor", () => picker.openFiles() >= 256);
  const before = picker.cpuSeconds();
  await pause(1000);
  const used = picker.cpuSeconds() - before;
  assert.ok(used < 0.7, `${used.toFixed(2)} s of processor time in a second of waiting`);
  assert.equal(await outcomeOf(picker), server.address, "connections that were there go on");
  for (const socket of flood) socket.destroy();
  await eventually("a new connection", async () => (await freshOutcome(t, picker)) === server.address);
  assert.equal(picker.child.exitCode, null);
});

test("F71 when descriptors run out scrapes give theirs up: hosts' connections are taken, requests answered, scraping goes on later", async (t) => {
  const servers = await Promise.all(Array.from({ length: 40 }, () => startFakeModelServer(t)));
  const picker = await startPickerProcess(t, servers, { maxFiles: 256 });
  const scraped = (): number => servers.reduce((sum, server) => sum + server.requests(), 0);
  await eventually("a connection to every server", () => servers.every((server) => server.connections() === 1));
  assert.equal(await picker.sample("epp_scraping_paused"), 0);
  // 20 more than there is room for, 36 fewer than there are with the reserve and the scrapes' connections.
  const flood = await aFlood(t, picker.grpcPort, 256 - picker.openFiles() + 20);
  await eventually("a pause of scraping", async () => (await picker.sample("epp_scraping_paused")) === 1);
  for (let round = 0; round < 3; round++) {
    const outcome = await freshOutcome(t, picker);
    assert.ok(
      servers.some(({ address }) => address === outcome),
      `a host's new connection: ${outcome}`,
    );
  }
  const before = scraped();
  await pause(500);
  assert.equal(scraped(), before, "no scrape is under way");
  const dropped = flood.filter((socket) => socket.closed).length;
  assert.equal(dropped, 0, `${dropped} of ${flood.length} connections were dropped`);
  assert.equal(await picker.sample("epp_descriptor_shortages_total"), 1);
  for (const socket of flood) socket.destroy();
  await eventually("scrapes of every server", () => servers.every((server) => server.connections() >= 2));
  assert.equal(await picker.sample("epp_scraping_paused"), 0);
});

/** Connections that say nothing. */
async function aFlood(t: TestContext, port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, "127.0.0.1"));
  for (const socket of sockets) socket.on("error", () => {});
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => Promise.race([once(socket, "connect"), once(socket, "close")])));
  return sockets;
}

async function freshOutcome(t: TestContext, { grpcPort }: PickerProcess): Promise<string | number | undefined> {
  const { connectAsEnvoy } = await import("../support/ext-proc-client.ts");
  const stream = connectAsEnvoy(t, grpcPort).open().requestHeaders(completionHeaders).requestBody(completion("base"));
  const answers = await stream.until(isLastOfRequest).catch(() => undefined);
  await stream.close();
  return setHeaders(answers?.[0] ?? {})["x-gateway-destination-endpoint"];
}

test("F72 bodies beyond what may be held are refused with 503, and a heap of 128 MB is enough", async (t) => {
  const server = await startFakeModelServer(t);
  const nodeOptions = ["--max-old-space-size=128"];
  const picker = await startPickerProcess(t, [server], { nodeOptions, entry: beside("small-picker.mjs") });
  const piece = Buffer.alloc(62_000, "x");
  const streams = Array.from({ length: 10 }, () => {
    const stream = picker.open().requestHeaders(completionHeaders);
    stream.requestBody('{"model":"base","prompt":"', false);
    for (let sent = 0; sent < 160; sent++) stream.requestBody(piece, false);
    return stream.requestBody('"}', false);
  });
  const refused = new Set<unknown>();
  await eventually("a refusal", async () => {
    for (const stream of streams) if (stream.answers.length > 0) refused.add(stream);
    return refused.size >= 3 && ((await picker.sample("epp_buffered_bytes")) ?? 0) > 50_000_000;
  });
  for (const stream of streams) {
    const isRefused = refused.has(stream);
    if (!isRefused) stream.requestBody("", true);
    const [first] = await stream.until(isLastOfRequest);
    if (isRefused) assert.equal(first?.immediate_response?.status?.code, 503);
    await stream.close();
  }
  await eventually("release of all bytes", async () => (await picker.sample("epp_buffered_bytes")) === 0);
  assert.equal(await outcomeOf(picker), server.address);
  assert.equal(picker.child.exitCode, null);
});

test("F76 a log that nobody reads stops nothing and fills no memory", async (t) => {
  const child = spawn(process.execPath, ["--expose-gc", "--import", "tsx", beside("noisy-logger.mjs")], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  t.after(() => child.kill("SIGKILL"));
  child.stderr?.pause();
  const [{ grownMiB }] = (await once(child, "message")) as [{ grownMiB: number }];
  assert.ok(grownMiB < 10, `${grownMiB.toFixed(1)} MiB for 40 MB of lines`);
  let read = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    read += chunk.toString();
  });
  child.stderr?.resume();
  await eventually("a line about the lines that are not there", () => /"dropped":\d+/.test(read));
});
