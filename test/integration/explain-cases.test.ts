import assert from "node:assert/strict";
import { request } from "node:http";
import { type TestContext, test } from "node:test";
import { type DecisionsOfRequest, decisionsOfRequestSchema } from "../../src/decisions/decision-record.ts";
import { type DecisionsPage, decisionsPageSchema } from "../../src/decisions/decisions-page.ts";
import { type EndpointsPage, endpointsPageSchema } from "../../src/decisions/endpoints-page.ts";
import { repick } from "../../src/decisions/repick.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, destinationOf } from "../support/exchanges.ts";
import type { HeaderPairs } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { runEpp } from "../support/run-epp.ts";

async function get({ picker }: TestPicker, path: string): Promise<{ status: number; page: unknown }> {
  const response = await fetch(`http://127.0.0.1:${picker.metricsPort}${path}`);
  return { status: response.status, page: await response.json() };
}

async function decisionsOf(picker: TestPicker, requestId: string): Promise<DecisionsOfRequest> {
  const { page } = await get(picker, `/debug/decisions/${encodeURIComponent(requestId)}`);
  return decisionsOfRequestSchema.parse(page);
}

async function listed(picker: TestPicker, query = ""): Promise<DecisionsPage> {
  return decisionsPageSchema.parse((await get(picker, `/debug/decisions${query}`)).page);
}

async function endpoints(picker: TestPicker): Promise<EndpointsPage["endpoints"]> {
  return endpointsPageSchema.parse((await get(picker, "/debug/endpoints")).page).endpoints;
}

const withId = (id: string): HeaderPairs => [
  ...completionHeaders.filter(([name]) => name !== "x-request-id"),
  ["x-request-id", id],
];

async function aPool(t: TestContext): Promise<TestPicker> {
  const loads = [
    { waiting: 3, running: 2, kvCacheRatio: 0.2 },
    { waiting: 0, running: 1, kvCacheRatio: 0.1 },
  ];
  return startTestPicker(t, await Promise.all(loads.map((load) => startFakeModelServer(t, load))));
}

test("a decision is found by its request id, with what was known and what followed from it", async (t) => {
  const picker = await aPool(t);
  const destination = await destinationOf(picker, completion("my-model"), withId("a b/c?d"));
  const { decisions } = await decisionsOf(picker, "a b/c?d");
  assert.equal(decisions.length, 1);
  const [record] = decisions;
  assert.ok(record);
  assert.deepEqual(record.outcome, { kind: "forwarded", destination });
  assert.deepEqual([record.request?.model, record.request?.promptBytes], ["my-model", 18]);
  assert.deepEqual(record.picked, ["default/server-1"]);
  const [first, second] = record.candidates;
  assert.deepEqual([first?.signals.waitingRequests.scraped, second?.signals.waitingRequests.scraped], [3, 0]);
  assert.equal(first?.scores[0]?.raw, first?.signals.waitingRequests.value);
  assert.ok((first?.signals.waitingRequests.ageMs ?? -1) >= 0);
  assert.deepEqual(repick(record).picked, record.picked);
  assert.ok(!JSON.stringify(record).includes("gateway"), "no text of the prompt");
});

test("of two streams with one request id both decisions are kept, newest first", async (t) => {
  const picker = await aPool(t);
  await destinationOf(picker, completion("first"), withId("twice"));
  await destinationOf(picker, completion("second"), withId("twice"));
  const { decisions } = await decisionsOf(picker, "twice");
  assert.deepEqual(
    decisions.map(({ request: kept }) => kept?.model),
    ["second", "first"],
  );
});

test("refusals are recorded: before the pool is asked, and for want of an endpoint", async (t) => {
  const picker = await aPool(t);
  assert.equal(await destinationOf(picker, "{not json", withId("broken")), 400);
  const [broken] = (await decisionsOf(picker, "broken")).decisions;
  assert.equal(broken?.outcome.kind === "rejected" && broken.outcome.reason, "rejected-bad-request");
  assert.equal(broken?.request, null);
  const empty = await startTestPicker(t, []);
  assert.equal(await destinationOf(empty, completion("my-model"), withId("nobody")), 503);
  const [nobody] = (await decisionsOf(empty, "nobody")).decisions;
  assert.equal(nobody?.outcome.kind === "rejected" && nobody.outcome.status, 503);
  assert.equal(nobody?.request?.model, "my-model");
});

test("an unknown id is 404 and says how much is kept; a broken one is 400", async (t) => {
  const picker = await aPool(t);
  const unknown = await get(picker, "/debug/decisions/nobody-knows");
  assert.equal(unknown.status, 404);
  assert.equal(decisionsOfRequestSchema.parse(unknown.page).kept.maxRecords, 20_000);
  assert.equal((await get(picker, "/debug/decisions/%ff")).status, 400);
});

test("decisions are listed newest first, by limit and since", async (t) => {
  const picker = await aPool(t);
  for (const id of ["one", "two", "three"]) await destinationOf(picker, completion("m"), withId(id));
  const ids = async (query: string): Promise<string[]> =>
    (await listed(picker, query)).decisions.map(({ requestId }) => requestId);
  assert.deepEqual(await ids(""), ["three", "two", "one"]);
  assert.deepEqual(await ids("?limit=2"), ["three", "two"]);
  assert.deepEqual(await ids("?since=2"), ["three"]);
  assert.deepEqual(await ids("?since=3"), []);
  for (const query of ["?limit=0", "?limit=1001", "?limit=x", "?since=-1", "?since=1.5"]) {
    assert.equal((await get(picker, `/debug/decisions${query}`)).status, 400, query);
  }
  assert.equal((await listed(picker)).decisions[0]?.endpoint, "default/server-1");
  assert.equal(await picker.sample("epp_decision_ring_records"), 3);
  assert.ok(((await picker.sample("epp_decision_ring_bytes")) ?? 0) > 500);
});

test("endpoints are listed with signals, drift and what they got in the last minute", async (t) => {
  const picker = await aPool(t);
  for (let i = 0; i < 3; i++) await destinationOf(picker, completion("m", "a prompt of some length ".repeat(30)));
  const [busy, idle] = await endpoints(picker);
  assert.deepEqual([busy?.id, busy?.picksLastMinute, busy?.prefixHitShareLastMinute], ["default/server-0", 0, null]);
  assert.deepEqual([idle?.picksLastMinute, idle?.shareLastMinute], [3, 1]);
  assert.ok((idle?.prefixHitShareLastMinute ?? 0) > 0.5, "the second and third prompt were sent there before");
  const { waitingRequests, runningRequests, kvCacheRatio } = busy?.signals ?? assert.fail("no server-0");
  assert.deepEqual([waitingRequests.scraped, runningRequests.scraped, kvCacheRatio.scraped], [3, 2, 0.2]);
  assert.equal(busy?.inFlightRequests, 0);
  assert.equal(busy?.drift, (waitingRequests.value ?? 0) + (runningRequests.value ?? 0));
});

test("T42 a browser led to loopback by a name gets no page under /debug/", async (t) => {
  const { picker } = await aPool(t);
  const statusFor = (host: string, path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: "127.0.0.1", port: picker.metricsPort, path, headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on("error", reject);
      asked.end();
    });
  assert.equal(await statusFor("rebound.example:9090", "/debug/endpoints"), 403);
  assert.equal(await statusFor("127.0.0.1.rebound.example", "/debug/endpoints"), 403);
  for (const host of ["localhost:9090", "127.0.0.1", "[::1]:9090"]) {
    assert.equal(await statusFor(host, "/debug/endpoints"), 200, host);
  }
  assert.equal(await statusFor("rebound.example", "/metrics"), 200);
  assert.equal(await statusFor("127.0.0.1", "/debug/nothing"), 404);
});

test("epp explain tells the story of a request, and prints its JSON", async (t) => {
  const picker = await aPool(t);
  await destinationOf(picker, completion("my-model"), withId("the-one"));
  const addr = ["--addr", `127.0.0.1:${picker.picker.metricsPort}`];
  const told = await runEpp(t, ["explain", "the-one", ...addr]);
  assert.equal(told.code, 0, told.stderr);
  assert.match(told.stdout, /^Request the-one\n/);
  assert.match(
    told.stdout,
    /Sent to default\/server-1 \(127\.0\.0\.1:\d+\): total \d\.\d{3}, \d\.\d{3} ahead of default\/server-0\./,
  );
  const json = await runEpp(t, ["explain", "the-one", ...addr, "--json"]);
  assert.equal(decisionsOfRequestSchema.parse(JSON.parse(json.stdout)).decisions.length, 1);
});

test("epp explain of an unknown id ends with 1 and says how far back the ring reaches", async (t) => {
  const picker = await aPool(t);
  await destinationOf(picker, completion("my-model"));
  const addr = ["--addr", `127.0.0.1:${picker.picker.metricsPort}`];
  const { code, stdout, stderr } = await runEpp(t, ["explain", "no\u001b[31msuch", ...addr]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^epp: no decision of request "no\?\[31msuch" is kept by this picker: it keeps the last 1, \d+ s back\n$/,
  );
});

test("epp explain without a picker ends with 1, with a bad address with 2", async (t) => {
  const nobody = await runEpp(t, ["explain", "x", "--addr", "127.0.0.1:1"]);
  assert.equal(nobody.code, 1);
  assert.match(
    nobody.stderr,
    /^epp: Cannot reach a picker at http:\/\/127\.0\.0\.1:1: .*; --addr names its metrics port\n$/,
  );
  assert.equal((await runEpp(t, ["explain", "x", "--addr", "nowhere"])).code, 2);
  assert.equal((await runEpp(t, ["explain"])).code, 2);
});

test("T10 hostile request ids break neither pages nor terminals", async (t) => {
  const picker = await aPool(t);
  const ids = ["\u001b[2J\u0007", "a\r\nset-cookie: b", "x".repeat(1_000_000)];
  for (const id of ids) await destinationOf(picker, completion("m"), withId(id));
  const replaced = (await listed(picker)).decisions.map(({ requestId }) => requestId);
  assert.equal(replaced.length, 3);
  for (const id of replaced) assert.match(id, /^[0-9a-f-]{36}$/, "an id that is not usable is replaced");
  const tricky = "\u009b31m \u202egnp.exe \u{e0041} \ud83d\ude00 \u2028 模型 </script>";
  await destinationOf(picker, completion("m\u202e\u009b\u0000"), withId(tricky));
  const { decisions } = await decisionsOf(picker, tricky);
  assert.deepEqual(
    decisions.map(({ requestId, request: kept }) => [requestId, kept?.model]),
    [[tricky, "m\u202e\u009b\u0000"]],
  );
  const addr = ["--addr", `127.0.0.1:${picker.picker.metricsPort}`];
  const told = await runEpp(t, ["explain", tricky, ...addr]);
  assert.equal(told.code, 0, told.stderr);
  assert.match(told.stdout, /^[\x20-\x7e\n]+$/);
  const json = await runEpp(t, ["explain", tricky, ...addr, "--json"]);
  assert.doesNotMatch(json.stdout.replaceAll("\n", ""), /\p{C}|\p{Zl}|\p{Zp}/u);
  assert.equal((JSON.parse(json.stdout) as DecisionsOfRequest).requestId, tricky);
});
