import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { ageMs } from "../../src/datastore/signal.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { createRandom } from "../../src/lib/random.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { schedule } from "../../src/scheduling/schedule.ts";
import { DeadlineSweep } from "../../src/scrape/deadline-sweep.ts";
import { PageFetcher } from "../../src/scrape/fetch.ts";
import { aPlan, traceOf } from "../support/a-plan.ts";
import { aRequest } from "../support/a-request.ts";
import { startBlackhole } from "../support/blackhole.ts";
import { closedPort, renderPage, startFakeModelServer, startRawServer } from "../support/fake-model-server.ts";
import { ScrapeRig, spec } from "../support/scrape-rig.ts";
import { until } from "../support/until.ts";

const page = renderPage({ waiting: 3, running: 2, kvCacheRatio: 0.5 });

function fetcherOf(t: TestContext, port: number): { fetcher: PageFetcher; clock: VirtualClock } {
  const clock = new VirtualClock();
  const fetcher = new PageFetcher({ host: "127.0.0.1", port, sweep: new DeadlineSweep(clock), deadlineMs: 1000 });
  t.after(() => fetcher.close());
  return { fetcher, clock };
}

async function outcome(fetcher: PageFetcher): Promise<string> {
  const result = await fetcher.fetch(() => ({ kind: "page" }) as const);
  return result.kind === "page" ? "page" : `${result.reason}: ${result.detail}`;
}

/** Lets events of sockets happen while the clock stands still. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;
}

test("F01 an endpoint that accepts and never answers stays in the pool with old signals, one scrape at a time", async (t) => {
  const [silent, quick] = [await startFakeModelServer(t, { waiting: 3 }), await startFakeModelServer(t)];
  const rig = new ScrapeRig(t, [spec("silent", silent.port), spec("quick", quick.port)]);
  await rig.interval(2);
  let [open, mostOpen] = [0, 0];
  silent.answerWith((_request, response) => {
    mostOpen = Math.max(mostOpen, ++open);
    response.on("close", () => open--);
  });
  const asked = silent.nextRequest();
  for (let i = 1; i <= 60; i++) {
    const scraped = rig.heard.filter((line) => line.startsWith("quick")).length;
    rig.clock.advance(50);
    await rig.until(() => rig.heard.filter((line) => line.startsWith("quick")).length > scraped);
    await turn();
  }
  await asked;
  const [endpoint, other] = rig.store.snapshot();
  assert.deepEqual([endpoint?.name, endpoint?.lastResort], ["silent", false]);
  assert.equal(endpoint?.signals.waitingRequests.value, 3);
  assert.ok(ageMs(endpoint!.signals.waitingRequests, rig.clock.nowMs()) > 2000);
  assert.ok(ageMs(other!.signals.waitingRequests, rig.clock.nowMs()) <= 50);
  assert.equal(mostOpen, 1);
  assert.ok(rig.heard.includes("silent failed timeout"));
});

const hangsAfter = [
  { waiting: 1, running: 1, kvCacheRatio: 0.1, rank: "below" },
  { waiting: 0, running: 0, kvCacheRatio: 0, rank: "level with" },
] as const;
for (const { rank, ...best } of hangsAfter) {
  test(`F01 an endpoint that hangs after ${best.waiting} waiting ranks ${rank} idle fresh ones until it answers`, async (t) => {
    const [busy, idle] = [
      { waiting: 6, running: 8, kvCacheRatio: 0.6 },
      { waiting: 0, running: 0, kvCacheRatio: 0 },
    ];
    const hanging = await startFakeModelServer(t, best);
    const fresh = [await startFakeModelServer(t, busy), await startFakeModelServer(t, busy)];
    const specs = [hanging, ...fresh].map(({ port }, i) => spec(`server-${i}`, port));
    const rig = new ScrapeRig(t, specs, { store: new EndpointStore() });
    const scrapesOf = (i: number): number => rig.heard.filter((line) => line.startsWith(`server-${i} scraped`)).length;
    const interval = async (): Promise<void> => {
      const before = [scrapesOf(1), scrapesOf(2)];
      rig.clock.advance(50);
      await rig.until(() => scrapesOf(1) > (before[0] ?? 0) && scrapesOf(2) > (before[1] ?? 0));
      await turn();
    };
    const untilAnswered = async (): Promise<void> => {
      for (const before = scrapesOf(0); scrapesOf(0) === before; ) await interval();
    };
    await untilAnswered();
    await interval();
    const before = scoresIn(rig);
    assert.ok(before[0] > Math.max(before[1], before[2]), `the best while it answers: ${before.join(" ")}`);

    hanging.answerWith(() => {});
    for (const server of fresh) server.setLoad(idle);
    for (let i = 0; i < 40; i++) await interval();
    const endpoints = rig.store.snapshot(rig.clock.nowMs());
    assert.ok(ageMs(endpoints[0]!.signals.waitingRequests, rig.clock.nowMs()) >= 1950);
    assert.deepEqual([endpoints.length, endpoints[0]?.lastResort], [3, false], "not removed");
    const during = scoresIn(rig);
    const says = `while it hangs: ${during.join(" ")}`;
    if (rank === "below") assert.ok(during[0] < Math.min(during[1], during[2]), says);
    else assert.deepEqual(during, [during[0], during[0], during[0]], says);

    hanging.answerWith(undefined);
    for (const server of fresh) server.setLoad(busy);
    await untilAnswered();
    const after = scoresIn(rig);
    assert.ok(after[0] > Math.max(after[1], after[2]), `the best again: ${after.join(" ")}`);
  });
}

/** Total scores of the first three endpoints with the default profile. */
function scoresIn(rig: ScrapeRig): [number, number, number] {
  const nowMs = rig.clock.nowMs();
  const context = { plan: aPlan(), random: createRandom(1), nowMs };
  const { totals } = traceOf(schedule(aRequest({ prompt: "x" }), rig.store.snapshot(nowMs), context));
  const [first = Number.NaN, second = Number.NaN, third = Number.NaN] = totals;
  return [first, second, third];
}

const hasProc = process.platform === "linux";

test("F02 connections into a black hole are given up after 500 ms and leave no socket", {
  skip: !hasProc && "needs /proc",
}, async (t) => {
  const port = await startBlackhole(t);
  const { fetcher, clock } = fetcherOf(t, port);
  const before = openSockets();
  for (let i = 0; i < 20; i++) {
    let isOver = false;
    const result = outcome(fetcher).finally(() => {
      isOver = true;
    });
    await turn();
    clock.advance(475);
    await turn();
    assert.equal(isOver, false);
    clock.advance(25);
    assert.equal(await result, "timeout: no connection within 500 ms");
  }
  await fetcher.close();
  await until("the last socket to close", () => openSockets() <= before);
});

test("F02 a black hole ages its endpoint and leaves the others their cadence", async (t) => {
  const [port, quick] = [await startBlackhole(t), await startFakeModelServer(t)];
  const rig = new ScrapeRig(t, [spec("hole", port), spec("quick", quick.port)]);
  for (let i = 0; i < 24; i++) {
    const requests = quick.requests();
    rig.clock.advance(50);
    await rig.until(() => rig.heard.filter((line) => line.startsWith("quick")).length === requests + 1);
  }
  assert.equal(quick.requests(), 24);
  const ofHole = rig.heard.filter((line) => line.startsWith("hole"));
  assert.deepEqual([...new Set(ofHole)], ["hole failed timeout"]);
  assert.ok(ofHole.length <= 3);
  assert.equal(rig.store.snapshot()[0]?.lastResort, false);
});

for (const framing of ["content-length", "chunked", "close"] as const) {
  test(`F04 a page cut anywhere is discarded whole, framed by ${framing}`, async (t) => {
    const head = {
      "content-length": `content-length: ${page.length}`,
      chunked: "transfer-encoding: chunked",
      close: "connection: close",
    };
    const body = framing === "chunked" ? `${page.length.toString(16)}\r\n${page}\r\n0\r\n\r\n` : page;
    const whole = `HTTP/1.1 200 OK\r\n${head[framing]}\r\n\r\n${body}`;
    const bodyAt = whole.length - body.length;
    let cutAt = whole.length;
    const port = await startRawServer(t, (socket) => socket.once("data", () => socket.end(whole.slice(0, cutAt))));
    const rig = new ScrapeRig(t, [spec("a", port)]);
    await rig.interval(1);
    assert.deepEqual(rig.load().slice(0, 2), [3, 2]);
    const before = rig.store.snapshot();
    // Where the end of the connection is the end of the page, a cut after a line feed makes a page that is whole.
    const isCut = (at: number): boolean =>
      framing !== "close" || (at < bodyAt ? at > 0 : page[at - bodyAt - 1] !== "\n");
    let count = 1;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: whole.length - 1 }).filter(isCut), async (at) => {
        cutAt = at;
        await rig.interval(++count);
        assert.match(rig.heard.at(-1) ?? "", /^a failed (?:truncated|connect-reset|malformed)$/);
        assert.equal(rig.store.snapshot()[0]?.signals, before[0]?.signals);
      }),
      { numRuns: 25 },
    );
  });
}

test("F11 a megabyte of headers, ten thousand headers, a 100 and a flood of 1xx end the connection", async (t) => {
  const answers: readonly (readonly [what: string, answer: string, want: RegExp])[] = [
    ["1 MB", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(1_000_000)}\r\n\r\nup 1\n`, /^too-large: /],
    ["10k headers", `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(10_000)}\r\nup 1\n`, /^too-large: /],
    ["100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nup 1\n", /^malformed: /],
    ["101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", /^malformed: /],
    ["1xx", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(5000), /^malformed: too many 1xx responses$/],
  ];
  for (const [what, answer, want] of answers) {
    let closed: Promise<unknown> = Promise.reject(new Error("nobody came"));
    closed.catch(() => {});
    const port = await startRawServer(t, (socket) => {
      closed = new Promise((resolve) => socket.once("close", resolve));
      socket.once("data", () => socket.write(answer));
    });
    const { fetcher } = fetcherOf(t, port);
    assert.match(await outcome(fetcher), want, what);
    await closed;
  }
});

const badAnswers: readonly (readonly [what: string, answer: RequestListener, want: string])[] = [
  ["500", (_request, response) => response.writeHead(500).end("vllm:num_requests_waiting 9\n"), "status"],
  ["401", (_request, response) => response.writeHead(401).end(), "status"],
  ["404", (_request, response) => response.writeHead(404).end("<html>"), "status"],
  ["204", (_request, response) => response.writeHead(204).end(), "status"],
  ["an empty 200", (_request, response) => response.writeHead(200).end(), "malformed"],
];
for (const [what, answer, want] of badAnswers) {
  test(`F09 ${what} keeps the last good values`, async (t) => {
    const server = await startFakeModelServer(t, { waiting: 3, running: 2 });
    const rig = new ScrapeRig(t, [spec("a", server.port)]);
    await rig.interval(1);
    const before = rig.store.snapshot();
    server.answerWith(answer);
    await rig.interval(2);
    await rig.interval(3);
    assert.deepEqual(rig.heard.slice(1), [`a failed ${want}`, `a failed ${want}`]);
    assert.equal(rig.store.snapshot(), before);
  });
}

test("F10 five thousand stacked codings are refused before anything is inflated", async (t) => {
  const server = await startFakeModelServer(t);
  const stacked =
    (count: number): RequestListener =>
    (_request, response) =>
      response.writeHead(200, { "content-encoding": Array(count).fill("gzip").join(", ") }).end("x");
  const { fetcher } = fetcherOf(t, server.port);
  server.answerWith(stacked(2000));
  assert.match(await outcome(fetcher), /^encoding: /);
  server.answerWith(stacked(5000));
  assert.match(await outcome(fetcher), /^too-large: /);
});

test("F12 a reset in the middle of a page waits for the next turn", async (t) => {
  let accepted = 0;
  const port = await startRawServer(t, (socket: Socket) => {
    accepted++;
    let answered = 0;
    socket.on("data", () => {
      const half = `HTTP/1.1 200 OK\r\ncontent-length: ${page.length}\r\n\r\n${page.slice(0, 200)}`;
      if (answered++ === 0) socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${page.length}\r\n\r\n${page}`);
      else socket.write(half, () => setTimeout(() => socket.resetAndDestroy(), 5));
    });
  });
  const rig = new ScrapeRig(t, [spec("a", port)]);
  await rig.interval(1);
  await rig.interval(2);
  assert.deepEqual([rig.heard[1], accepted], ["a failed truncated", 1]);
  await rig.interval(3);
  assert.deepEqual([rig.heard[2], accepted], ["a scraped true 0", 2]);
  assert.equal(rig.store.snapshot()[0]?.lastResort, false);
});

test("F15 a renamed metric is missing and keeps its last value, the others go on", async (t) => {
  const server = await startFakeModelServer(t, { waiting: 3, running: 2 });
  const rig = new ScrapeRig(t, [spec("a", server.port)], { random: () => 0 });
  await rig.interval(1, 0);
  const renamed = renderPage({ waiting: 9, running: 8, kvCacheRatio: 0.5 }).replaceAll(
    "num_requests_waiting",
    "queue_length",
  );
  server.answerWith((_request, response) => response.end(renamed));
  await rig.interval(2);
  assert.equal(rig.heard[1], "a scraped true 1");
  assert.deepEqual(rig.load(), [3, 8, 0]);
});

test("F16 of 200 endpoints that are asked every 200 ms a fifth hangs and takes nothing from the others", async (t) => {
  const servers = await Promise.all(Array.from({ length: 200 }, () => startFakeModelServer(t)));
  const [open, mostOpen] = [new Map<number, number>(), new Map<number, number>()];
  servers.forEach((server, i) => {
    if (i % 5 !== 0) return;
    server.answerWith((_request, response) => {
      open.set(i, (open.get(i) ?? 0) + 1);
      mostOpen.set(i, Math.max(mostOpen.get(i) ?? 0, open.get(i) ?? 0));
      response.on("close", () => open.set(i, (open.get(i) ?? 0) - 1));
    });
  });
  const specs = servers.map(({ port }, i) => spec(i % 5 === 0 ? `hanging-${i}` : `healthy-${i}`, port));
  const rig = new ScrapeRig(t, specs, { intervalMs: 200 });
  const scraped = (): number => rig.heard.filter((line) => line.startsWith("healthy")).length;
  const rounds = 8;
  for (let round = 1; round <= rounds; round++) {
    rig.clock.advance(rig.paces.at(-1) ?? 0);
    await rig.until(() => scraped() === 160 * round);
    await turn();
    assert.ok(rig.clock.pending <= 201, `${rig.clock.pending} timers`);
  }
  assert.deepEqual(
    new Set(servers.filter((_, i) => i % 5 !== 0).map((server) => server.requests())),
    new Set([rounds]),
  );
  assert.deepEqual(new Set(mostOpen.values()), new Set([1]));
  assert.ok(rig.heard.includes("hanging-0 failed timeout"));
});

test("T20 a redirect to the metadata address or another scheme is a failure, and no further connection is made", async (t) => {
  const canary = await startFakeModelServer(t);
  const server = await startFakeModelServer(t);
  const places = [
    "http://169.254.169.254/latest/meta-data/",
    `http://${canary.address}/metrics`,
    `https://${canary.address}/`,
    "//x/",
  ];
  const rig = new ScrapeRig(t, [spec("a", server.port)]);
  for (const [i, location] of places.entries()) {
    server.answerWith((_request, response) => response.writeHead(302, { location }).end());
    await rig.interval(i + 1);
  }
  assert.deepEqual(new Set(rig.heard), new Set(["a failed status"]));
  assert.deepEqual([server.requests(), server.connections(), canary.connections()], [places.length, 1, 0]);
});

test("T21 a page of a million series is cut off at 4 MiB and keeps the values", async (t) => {
  const server = await startFakeModelServer(t, { waiting: 3 });
  const rig = new ScrapeRig(t, [spec("a", server.port)]);
  await rig.interval(1);
  let sent = 0;
  server.answerWith((_request, response) => {
    response.writeHead(200);
    const more = (): void => {
      while (sent < 1_000_000) {
        const lines = Array.from({ length: 1000 }, () => `vllm:num_requests_waiting{x="${sent++}"} 1\n`).join("");
        if (!response.write(lines)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  });
  await rig.interval(2);
  assert.equal(rig.heard[1], "a failed too-large");
  assert.ok(sent < 500_000, `${sent} series were taken`);
  assert.equal(rig.load()[0], 3);
});

test("T24 an endless stream of events in place of a page is refused and its connection closed", async (t) => {
  const server = await startFakeModelServer(t);
  const { fetcher } = fetcherOf(t, server.port);
  let closed: Promise<unknown> | undefined;
  server.answerWith((_request, response) => {
    closed = once(response, "close");
    response.writeHead(200, { "content-type": "text/event-stream" });
    const more = (): void => {
      while (response.write(`data: ${"x".repeat(1000)}\n\n`));
      response.once("drain", more);
    };
    more();
  });
  assert.equal(await outcome(fetcher), "malformed: content-type text/event-stream");
  await closed;
});

test("T24 a giant JSON document in place of a page is refused", async (t) => {
  const server = await startFakeModelServer(t);
  const rig = new ScrapeRig(t, [spec("a", server.port)]);
  server.answerWith((_request, response) => response.end(JSON.stringify({ usage: { x: Array(500_000).fill(-1) } })));
  await rig.interval(1);
  assert.equal(rig.heard[0], "a failed malformed");
});

test("a metrics port of its own that refuses ages signals and says nothing about the endpoint", async (t) => {
  const server = await startFakeModelServer(t);
  const source = { path: "/metrics", port: await closedPort(), tls: undefined };
  const rig = new ScrapeRig(t, [spec("a", server.port)], { source });
  for (let i = 1; i <= 4; i++) await rig.interval(i);
  assert.deepEqual(new Set(rig.heard), new Set(["a failed connect-refused"]));
  assert.equal(rig.store.snapshot()[0]?.lastResort, false);
});

test("pages come from the path and port of the source", async (t) => {
  const [serving, metrics] = [await startFakeModelServer(t), await startFakeModelServer(t, { waiting: 5 })];
  const source = { path: "/prometheus/metrics", port: metrics.port, tls: undefined };
  const rig = new ScrapeRig(t, [spec("a", serving.port)], { source });
  const asked = metrics.nextRequest();
  await rig.interval(1);
  assert.deepEqual([(await asked).url, rig.load()[0], serving.requests()], ["/prometheus/metrics", 5, 0]);
});

test("a pool that would take more than a quarter of a core is scraped less often, one of 8 endpoints is not", async (t) => {
  const server = await startFakeModelServer(t);
  const specs = (count: number) => Array.from({ length: count }, (_, i) => spec(`e${i}`, server.port));
  const small = new ScrapeRig(t, specs(8));
  await small.interval(8);
  await small.interval(16);
  assert.deepEqual(small.paces, [50]);
  const large = new ScrapeRig(t, specs(64));
  const intervalMs = large.paces.at(-1) ?? 0;
  assert.ok(intervalMs > 90 && intervalMs < 120, `${intervalMs} ms`);
  await large.interval(64, intervalMs);
  await large.interval(128, intervalMs);
  const times = large.store.snapshot().map(({ signals }) => signals.waitingRequests.sampledAtMs - intervalMs);
  assert.ok(
    times.some((ms) => ms < intervalMs / 4) && times.some((ms) => ms > (intervalMs * 3) / 4),
    "spread over the interval",
  );
});
