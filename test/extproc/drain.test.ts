import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { Server } from "@grpc/grpc-js";
import { Connections } from "../../src/extproc/connections.ts";
import { drain, type DrainLimits, type DrainReport, OpenStreams } from "../../src/extproc/drain.ts";
import { Health } from "../../src/extproc/health.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import type { Logger } from "../../src/telemetry/logger.ts";
import { endpointsText, startTestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { type EnvoyStream, streamed } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { connectHealth } from "../support/health-client.ts";
import { until } from "../support/until.ts";

const extProc = "envoy.service.ext_proc.v3.ExternalProcessor";

/** A logger that keeps how the drain went. */
function aLogger(): { logger: Logger; drained: Record<string, unknown>[] } {
  const drained: Record<string, unknown>[] = [];
  const keep = (data: object, message: string): void => {
    if (!message.startsWith("Drained")) return;
    const report = data as Record<string, unknown>;
    drained.push({ windowEnd: report["windowEnd"], cutStreams: report["cutStreams"], message });
  };
  return { drained, logger: { debug: () => {}, info: keep, warn: keep, error: keep } };
}

/** Sends a whole request and the beginning of an event stream as its response. */
async function beginEventStream(stream: EnvoyStream): Promise<EnvoyStream> {
  stream.requestHeaders(completionHeaders).requestBody(completion("base", "Go on", { stream: true }));
  await stream.until(isLastOfRequest);
  stream.responseHeaders([
    [":status", "200"],
    ["content-type", "text/event-stream"],
  ]);
  stream.responseBody("data: {}\n\n", false);
  await stream.until((answer) => answer.response_body !== undefined);
  return stream;
}

/** Ends a response that `beginEventStream` began; resolves when the picker has passed its end on. */
async function finishEventStream(stream: EnvoyStream): Promise<void> {
  stream.responseBody("data: [DONE]\n\n", true);
  await stream.until((answer) => answer.response_body !== undefined && streamed(answer).endOfStream);
  assert.equal(await stream.close(), undefined);
}

async function untilRefused(port: number): Promise<void> {
  for (let isListening = true; isListening; ) {
    const socket = connect(port, "127.0.0.1");
    isListening = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("F40 a drain loses nobody: 200 open streams end, new ones are served, scrapes and endpoints go on", async (t) => {
  const [server, late] = [await startFakeModelServer(t), await startFakeModelServer(t)];
  const { logger, drained } = aLogger();
  const limits = { drainMs: 4000, hardStopMs: 60_000 };
  const gateway = await startTestPicker(t, [server], { ...limits, logger });
  const { picker, endpointsFile } = gateway;
  const streaming = await Promise.all(Array.from({ length: 150 }, () => beginEventStream(gateway.open())));
  const receiving = Array.from({ length: 50 }, () => gateway.open().requestHeaders(completionHeaders));
  const health = [picker.grpcPort, picker.grpcHealthPort].map((port) => connectHealth(t, port));
  for (const client of health) assert.equal(await client.check(extProc), "SERVING");

  const closed = picker.close();
  for (const client of health) assert.equal(await client.check(extProc), "NOT_SERVING");
  const scrapes = server.requests();
  const fresh = gateway.open();
  fresh.requestHeaders(completionHeaders).requestBody(completion("base"));
  await fresh.until(isLastOfRequest);
  assert.equal(await gateway.sample("epp_streams_open"), 201);
  writeFileSync(endpointsFile, endpointsText([server, late]));
  await until("scrapes of both endpoints", () => server.requests() > scrapes + 2 && late.requests() > 0);
  for (const stream of receiving) {
    stream.requestBody(completion("base"));
    await stream.until(isLastOfRequest);
  }
  for (const stream of [fresh, ...receiving]) assert.equal(await stream.close(), undefined);

  await untilRefused(picker.grpcPort);
  const scrapesThen = server.requests();
  await until("scrapes after the window", () => server.requests() > scrapesThen + 2);
  await Promise.all(streaming.map(finishEventStream));
  await closed;
  assert.deepEqual(drained, [{ windowEnd: "timeout", cutStreams: 0, message: "Drained: every stream has ended" }]);
});

test("F40 streams that are open at the hard stop are cut, counted and logged", async (t) => {
  const server = await startFakeModelServer(t);
  const { logger, drained } = aLogger();
  const gateway = await startTestPicker(t, [server], { drainMs: 100, hardStopMs: 400, logger });
  const { picker } = gateway;
  const streams = await Promise.all(Array.from({ length: 3 }, () => beginEventStream(gateway.open())));
  await picker.close();
  for (const stream of streams) assert.ok((await stream.over) instanceof Error);
  assert.equal(picker.store.ledger.total, 0);
  assert.deepEqual(drained, [
    { windowEnd: "timeout", cutStreams: 3, message: "Drained: streams were cut that had not ended" },
  ]);
});

test("F42 who is in a hurry ends a drain at once and in order", async (t) => {
  const server = await startFakeModelServer(t);
  const { logger, drained } = aLogger();
  const gateway = await startTestPicker(t, [server], { drainMs: 600_000, hardStopMs: 600_000, logger });
  const { picker } = gateway;
  const stream = await beginEventStream(gateway.open());
  const hurry = new AbortController();
  const closed = picker.close(hurry.signal);
  await answeredInWindow(gateway.open());
  hurry.abort();
  await closed;
  assert.ok((await stream.over) instanceof Error);
  assert.deepEqual(
    drained.map(({ windowEnd, cutStreams }) => ({ windowEnd, cutStreams })),
    [{ windowEnd: "hurried", cutStreams: 1 }],
  );
});

async function answeredInWindow(stream: EnvoyStream): Promise<void> {
  stream.requestHeaders(completionHeaders).requestBody(completion("base"));
  await stream.until(isLastOfRequest);
  await stream.close();
}

test("F40 connections that never spoke do not keep a picker from ending", async (t) => {
  const { picker } = await startTestPicker(t, [], { drainMs: 0, hardStopMs: 60_000 });
  const socket = connect(picker.grpcPort, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket.resume(), "connect");
  const cut = once(socket, "close");
  await picker.close();
  await cut;
});

/** A drain of a server without connections, in virtual time. */
function aDrain(limits: DrainLimits, hurry?: AbortSignal): VirtualDrain {
  const clock = new VirtualClock();
  const streams = new OpenStreams(clock);
  const health = new Health({
    isSynced: true,
    protocolMatches: true,
    pluginsReady: true,
    isDraining: true,
    leader: "none",
  });
  const server = new Server();
  const connections = new Connections(server, false, clock);
  const report = drain({ server, streams, connections, health, clock }, limits, hurry);
  let isOver = false;
  void report.then(() => {
    isOver = true;
  });
  return {
    report,
    isOver: () => isOver,
    open: () => {
      const call = new EventEmitter();
      streams.track(call);
      return call;
    },
    advance: async (ms) => {
      for (let passed = 0; passed < ms; passed += 20) {
        clock.advance(20);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    },
  };
}

interface VirtualDrain {
  readonly report: Promise<DrainReport>;
  isOver(): boolean;
  open(): EventEmitter;
  advance(ms: number): Promise<void>;
}

test("drain ends early when no stream is open and none has come for 5 s", async () => {
  const draining = aDrain({ windowMs: 30_000, hardStopMs: 120_000 });
  await draining.advance(3000);
  const stream = draining.open();
  await draining.advance(1000);
  stream.emit("end");
  stream.emit("close");
  await draining.advance(3900);
  assert.equal(draining.isOver(), false);
  await draining.advance(400);
  const { windowEnd, cutStreams } = await draining.report;
  assert.deepEqual({ windowEnd, cutStreams }, { windowEnd: "quiet", cutStreams: 0 });
});

test("drain keeps its window while a stream is open, however long none has come", async () => {
  const draining = aDrain({ windowMs: 30_000, hardStopMs: 120_000 });
  const stream = draining.open();
  await draining.advance(29_900);
  assert.equal(draining.isOver(), false);
  stream.emit("close");
  await draining.advance(200);
  assert.equal((await draining.report).windowEnd, "quiet");
});
