import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { EndpointStore } from "../../src/datastore/store.ts";
import { closedPort, type FakeModelServer, startFakeModelServer } from "../support/fake-model-server.ts";
import { ScrapeRig, spec } from "../support/scrape-rig.ts";

test("puts what the page says with the time it was asked for", async (t) => {
  const server = await startFakeModelServer(t, { waiting: 3, running: 2, kvCacheRatio: 0.5 });
  const rig = new ScrapeRig(t, [spec("a", server.port)], { random: () => 0.5 });
  await rig.interval(1);
  assert.deepEqual(rig.load(), [3, 2, 25]);
  assert.deepEqual(rig.store.snapshot()[0]?.signals.cacheInfo.value, { blockSizeTokens: 16, blocks: 2048 });
  server.setLoad({ waiting: 7 });
  await rig.interval(2);
  assert.deepEqual(rig.load(), [7, 2, 75]);
  assert.deepEqual(rig.heard, ["a scraped true 0", "a scraped true 0"]);
});

test("corrects for requests dispatched while the scrape is in flight", async (t) => {
  const server = await startFakeModelServer(t, { waiting: 3 });
  const rig = new ScrapeRig(t, [spec("a", server.port)], { store: new EndpointStore() });
  const asked = server.nextRequest();
  rig.clock.advance(50);
  await asked;
  rig.store.ledger.open(1, { id: "default/a", incarnation: `a@${server.port}` }, rig.clock.nowMs());
  await rig.interval(1, 0);
  const [endpoint] = rig.store.snapshot();
  assert.equal(endpoint?.signals.waitingRequests.value, 4);
  assert.equal(endpoint?.signals.waitingRequests.source, "corrected");
});

test("F9 a failing server keeps its values, whose age grows", async (t) => {
  const server = await startFakeModelServer(t, { waiting: 3 });
  const rig = new ScrapeRig(t, [spec("a", server.port)]);
  await rig.interval(1);
  const before = rig.store.snapshot();
  server.answerWith((_, response) => response.writeHead(500).end("vllm:num_requests_waiting 9\n"));
  await rig.interval(2);
  assert.equal(rig.store.snapshot(), before);
  assert.equal(rig.heard[1], "a failed status");
});

test("F03 a page of something else is a failure and keeps the values", async (t) => {
  const server = await startFakeModelServer(t, { waiting: 3 });
  const rig = new ScrapeRig(t, [spec("a", server.port)]);
  await rig.interval(1);
  server.answerWith((_, response) => response.end("hello"));
  await rig.interval(2);
  assert.equal(rig.heard[1], "a failed malformed");
  assert.equal(rig.load()[0], 3);
});

test("F10 scrapes endpoints of the pool only, from joining to leaving", async (t) => {
  const servers: FakeModelServer[] = [];
  for (let i = 0; i < 3; i++) servers.push(await startFakeModelServer(t));
  const [a, b, c] = servers.map((server, i) => spec("abc"[i]!, server.port));
  const rig = new ScrapeRig(t, [a!, b!]);
  await rig.interval(2);
  rig.store.remove(b!.id);
  rig.store.upsert(c!);
  await rig.interval(4);
  await rig.interval(6);
  assert.deepEqual(
    servers.map((server) => server.requests()),
    [3, 1, 2],
  );
});

test("F10 a scrape in flight of a removed or replaced endpoint is dropped without a report", async (t) => {
  const server = await startFakeModelServer(t);
  const rig = new ScrapeRig(t, [spec("a", server.port)]);
  server.answerWith(() => {});
  const asked = server.nextRequest();
  rig.clock.advance(50);
  await asked;
  server.answerWith(undefined);
  rig.store.upsert(spec("a", server.port, "another life"));
  await rig.interval(1);
  assert.deepEqual(rig.heard, ["a scraped true 0"]);
  rig.store.remove("default/a");
  await rig.close();
  assert.equal(rig.clock.pending <= 1, true);
});

test("F16 a hanging endpoint has one scrape in flight, skips what it missed and leaves the others their cadence", async (t) => {
  const [slow, quick] = [await startFakeModelServer(t), await startFakeModelServer(t)];
  const rig = new ScrapeRig(t, [spec("slow", slow.port), spec("quick", quick.port)]);
  slow.answerWith(() => {});
  const asked = slow.nextRequest();
  let count = 0;
  for (let i = 0; i < 10; i++) await rig.interval(++count);
  await asked;
  assert.deepEqual([slow.requests(), quick.requests()], [1, 10]);
  for (let i = 0; i < 9; i++) await rig.interval(++count);
  slow.answerWith(undefined);
  while (!rig.heard.includes("slow failed timeout")) {
    rig.clock.advance(25);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const before = slow.requests();
  while (!rig.heard.includes("slow scraped true 0")) {
    rig.clock.advance(25);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(slow.requests() - before <= 2);
});

test("an endpoint that refuses twice in a row is last resort", async (t) => {
  const port = await closedPort();
  const rig = new ScrapeRig(t, [spec("a", port)]);
  await rig.interval(1);
  assert.equal(rig.store.snapshot()[0]?.lastResort, false);
  await rig.interval(2);
  assert.equal(rig.store.snapshot()[0]?.lastResort, true);
  assert.deepEqual(rig.heard, ["a failed connect-refused", "a failed connect-refused"]);
});

test("an endpoint that resets connections twice in a row is last resort until it answers, be it with an error", async (t) => {
  const server = await startFakeModelServer(t);
  const rig = new ScrapeRig(t, [spec("a", server.port)]);
  server.answerWith((request) => request.socket.resetAndDestroy());
  await rig.interval(1);
  await rig.interval(2);
  assert.deepEqual(rig.heard, ["a failed connect-reset", "a failed connect-reset"]);
  assert.equal(rig.store.snapshot()[0]?.lastResort, true);
  server.answerWith((_, response) => response.writeHead(500).end());
  await rig.interval(3);
  assert.equal(rig.store.snapshot()[0]?.lastResort, false);
});

test("a server that stops and comes back is last resort in between", async (t) => {
  const server = await startFakeModelServer(t);
  const rig = new ScrapeRig(t, [spec("a", server.port)]);
  await rig.interval(1);
  await server.stop();
  await rig.interval(2);
  await rig.interval(3);
  assert.equal(rig.store.snapshot()[0]?.lastResort, true);
  assert.match(rig.heard.slice(1).join(), /^a failed connect-re(?:set|fused),a failed connect-refused$/);
});

test("first scrapes are spread over the interval and repeat with the seed", async (t) => {
  const server = await startFakeModelServer(t);
  const specs = ["a", "b", "c", "d"].map((name) => spec(name, server.port));
  const firstTimes = async (): Promise<unknown[]> => {
    const rig = new ScrapeRig(t, specs);
    await rig.interval(4);
    await rig.close();
    return rig.store.snapshot().map(({ signals }) => signals.waitingRequests.sampledAtMs);
  };
  const times = await firstTimes();
  assert.equal(new Set(times).size, 4);
  assert.ok(times.every((ms) => typeof ms === "number" && ms >= 0 && ms < 50));
  assert.deepEqual(await firstTimes(), times);
});

test("close stops everything and leaves no timer but the sweep's last", async (t) => {
  const server = await startFakeModelServer(t);
  const rig = new ScrapeRig(t, [spec("a", server.port)]);
  await rig.interval(1);
  await rig.close();
  rig.clock.advance(1000);
  rig.store.upsert(spec("b", server.port));
  rig.clock.advance(1000);
  assert.equal(rig.clock.pending, 0);
  assert.equal(server.requests(), 1);
});

test("F71 pause lets go of every connection and drops what is under way; resume goes on, endpoints that joined included", async (t) => {
  const [first, slow, joined] = [
    await startFakeModelServer(t),
    await startFakeModelServer(t),
    await startFakeModelServer(t),
  ];
  const rig = new ScrapeRig(t, [spec("a", first.port)]);
  await rig.interval(1);
  slow.answerWith(() => {});
  const asked = slow.nextRequest();
  rig.store.upsert(spec("b", slow.port));
  rig.clock.advance(50);
  const { socket } = await asked;
  await rig.until(() => rig.heard.length >= 2);
  const heard = rig.heard.length;
  assert.equal(rig.scraping.pause(), 2);
  await once(socket, "close");
  rig.store.upsert(spec("c", joined.port));
  rig.clock.advance(5000);
  assert.equal(rig.heard.length, heard, "no page, no failure");
  assert.deepEqual([first.connections(), joined.connections()], [1, 0]);
  slow.answerWith(undefined);
  rig.scraping.resume();
  rig.scraping.resume();
  await rig.interval(heard + 3);
  assert.deepEqual(
    rig.heard.slice(heard).toSorted(),
    ["a", "b", "c"].map((name) => `${name} scraped true 0`),
  );
  assert.deepEqual([first.connections(), joined.connections()], [2, 1]);
  await rig.interval(heard + 6);
});

test("reads the metrics that the endpoint's spec asks for", async (t) => {
  const server = await startFakeModelServer(t);
  server.answerWith((_, response) => response.end("queue 5\n"));
  const queueOnly = {
    engine: "other",
    waitingRequests: "queue",
    runningRequests: undefined,
    kvCacheRatio: undefined,
    adapters: undefined,
    cacheInfo: undefined,
  };
  const rig = new ScrapeRig(t, [spec("a", server.port)], { metricsOf: () => queueOnly });
  await rig.interval(1);
  assert.deepEqual(rig.load().slice(0, 2), [5, undefined]);
  assert.deepEqual(rig.heard, ["a scraped true 0"]);
});
