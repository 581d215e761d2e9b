import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../../../src/datastore/endpoint.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { adoptLearned, type SchedulingPlan } from "../../../src/scheduling/plan.ts";
import { explain } from "../../../src/scheduling/explain.ts";
import { noteDispatched, schedule } from "../../../src/scheduling/schedule.ts";
import { SessionTable } from "../../../src/scheduling/session/session-table.ts";
import { decodeSessionToken, encodeSessionToken } from "../../../src/scheduling/session/session-token.ts";
import { aPlan, traceOf } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";

const [a, b, c] = [anEndpoint("a"), anEndpoint("b"), anEndpoint("c")];
const pool = [a, b, c];
const types = ["session-affinity-filter", "session-affinity-scorer"];

function affinity(type: string, parameters: object = {}, more = ""): SchedulingPlan {
  return aPlan(`plugins:\n  - {type: ${type}, parameters: ${JSON.stringify(parameters)}}\n${more}`);
}

interface Sent {
  readonly headers?: Record<string, string>;
  readonly candidates?: readonly Endpoint[];
  readonly nowMs?: number;
  readonly seed?: number;
  readonly isDispatched?: boolean;
}

/** The endpoint that a request goes to. */
function send(
  plan: SchedulingPlan,
  { headers = {}, candidates = pool, nowMs = 0, seed = 1, isDispatched = true }: Sent,
): string {
  const decision = schedule(aRequest({ headers }), candidates, { nowMs, random: createRandom(seed), plan });
  assert.ok(decision.kind === "picked");
  if (isDispatched) noteDispatched(plan, decision);
  return decision.endpoints[0].name;
}

/** Where requests of many seeds go, none of them dispatched. */
function spread(plan: SchedulingPlan, sent: Sent): Set<string> {
  return new Set(Array.from({ length: 40 }, (_, seed) => send(plan, { ...sent, seed, isDispatched: false })));
}

const token = (endpoint: Endpoint): string => encodeSessionToken(endpoint);

test("the token of an endpoint is base64 of namespace/name, and decodes to its id", () => {
  assert.equal(token(a), "ZGVmYXVsdC9h");
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (name) => {
      assert.equal(decodeSessionToken(encodeSessionToken({ namespace: "default", name })), `default/${name}`);
    }),
  );
});

for (const text of ["", "!", "ZGVmYXVsdC9h=", "ZGVmYXVsdC9", " ZGVmYXVsdC9h", "_-8=", "A".repeat(1028)]) {
  test(`the token ${JSON.stringify(text.slice(0, 20))} is not decodable`, () => {
    assert.equal(decodeSessionToken(text), undefined);
  });
}

for (const type of types) {
  test(`H6 ${type} sends a request with a token to the endpoint of the token`, () => {
    const plan = affinity(type);
    assert.deepEqual(plan.requestHeaders, ["x-session-token"]);
    for (const endpoint of pool) {
      assert.deepEqual(spread(plan, { headers: { "x-session-token": token(endpoint) } }), new Set([endpoint.name]));
    }
  });

  test(`H6 ${type} schedules as ever without a token, or with one that says nothing`, () => {
    const plan = affinity(type);
    const gone = token(anEndpoint("gone"));
    for (const headers of [{}, { "x-session-token": "?" }, { "x-session-token": gone }, { "x-session-token": "" }]) {
      assert.equal(spread(plan, { headers }).size, 3, JSON.stringify(headers));
    }
    assert.equal(spread(plan, { headers: { "x-session-token": token(a) }, candidates: [b, c] }).size, 2);
    assert.equal(send(plan, { headers: { "x-session-token": token(a) }, candidates: [b] }), "b");
  });

  test(`H6 ${type} tells the client the endpoint that served`, () => {
    const responder = affinity(type, { encodedEndpointHeaderConfig: { header: "X-Sticky" } }).responders[0]?.responder;
    const facts = { request: aRequest(), endpoint: b, servedAddress: undefined, status: 200, usage: undefined };
    assert.deepEqual(responder?.headers?.(facts), [["x-sticky", "ZGVmYXVsdC9i"]]);
    assert.equal(affinity(type, { strategy: "session_id" }).responders[0]?.responder.headers?.(facts), undefined);
  });

  test(`${type} binds a session to where its first request went`, () => {
    const plan = affinity(type, { strategy: "session_id" });
    assert.deepEqual(plan.requestHeaders, ["x-session-id"]);
    const headers = { "x-session-id": "s1" };
    assert.equal(spread(plan, { headers }).size, 3, "unbound: no preference");
    assert.equal(send(plan, { headers, candidates: [b] }), "b");
    assert.deepEqual(spread(plan, { headers }), new Set(["b"]));
    assert.equal(spread(plan, { headers: { "x-session-id": "s2" } }).size, 3, "another session");
    assert.equal(spread(plan, {}).size, 3, "no session");
    assert.equal(spread(plan, { headers: { "x-session-id": "s".repeat(257) } }).size, 3, "too long");
  });

  test(`${type} moves a session when its endpoint is gone or was replaced, and leaves it there`, () => {
    const plan = affinity(type, { strategy: "session_id" });
    const headers = { "x-session-id": "s1" };
    send(plan, { headers, candidates: [b] });
    send(plan, { headers, candidates: [c] });
    assert.deepEqual(spread(plan, { headers }), new Set(["c"]));
    const replaced = anEndpoint("c", { incarnation: "c-2" });
    assert.equal(spread(plan, { headers, candidates: [a, b, replaced] }).size, 3);
  });

  test(`${type} forgets a session that was not used for its TTL, and no other`, () => {
    const plan = affinity(type, { strategy: "session_id", sessionIdConfig: { evictionTtlSeconds: 10 } });
    const [old, young] = [{ "x-session-id": "old" }, { "x-session-id": "young" }];
    send(plan, { headers: old, candidates: [a], nowMs: 0 });
    send(plan, { headers: young, candidates: [b], nowMs: 5000 });
    assert.deepEqual(spread(plan, { headers: old, nowMs: 10_000 }), new Set(["a"]));
    assert.equal(spread(plan, { headers: old, nowMs: 10_001 }).size, 3);
    assert.deepEqual(spread(plan, { headers: young, nowMs: 10_001 }), new Set(["b"]));
    send(plan, { headers: young, candidates: pool, nowMs: 14_000 });
    assert.deepEqual(spread(plan, { headers: young, nowMs: 24_000 }), new Set(["b"]), "use renews it");
  });

  test(`${type} keeps its sessions over a new config`, () => {
    const parameters = { strategy: "session_id" };
    const [before, after] = [
      affinity(type, parameters),
      affinity(type, { ...parameters, sessionIdConfig: { evictionTtlSeconds: 60 } }),
    ];
    const headers = { "x-session-id": "s1" };
    send(before, { headers, candidates: [c] });
    adoptLearned(after, before);
    assert.deepEqual(spread(after, { headers }), new Set(["c"]));
  });

  test(`${type} looks for the session in its sources in order`, () => {
    const sources = [
      { header: "X-First" },
      { attribute: "SessionIDDataKey" },
      { attribute: "SessionIDDataKey", producer: "other" },
    ];
    const more = `  - {type: session-id-producer, parameters: {cookieName: sid}}
  - {type: session-id-producer, name: other, parameters: {headerName: X-Other}}\n`;
    const plan = affinity(type, { strategy: "session_id", sessionIdConfig: { sources } }, more);
    assert.deepEqual(plan.requestHeaders, ["cookie", "x-first", "x-other"]);
    send(plan, { headers: { "x-first": "s1" }, candidates: [a] });
    send(plan, { headers: { cookie: "theme=dark; sid=s2" }, candidates: [b] });
    send(plan, { headers: { "x-other": "s3" }, candidates: [c] });
    assert.deepEqual(spread(plan, { headers: { "x-first": " s1 ", cookie: "sid=s2" } }), new Set(["a"]));
    assert.deepEqual(
      spread(plan, { headers: { "x-first": " ", cookie: 'sid="s2"', "x-other": "s3" } }),
      new Set(["b"]),
    );
    assert.deepEqual(spread(plan, { headers: { cookie: "xsid=s2", "x-other": "s3" } }), new Set(["c"]));
  });
}

test("session-affinity-scorer is outweighed by other scorers, and the session stays where it was", () => {
  const plan =
    aPlan(`plugins: [{type: session-affinity-scorer, parameters: {strategy: session_id}}, {type: queue-scorer}]
schedulingProfiles:
  - {name: default, plugins: [{pluginRef: session-affinity-scorer}, {pluginRef: queue-scorer, weight: 5}]}
`);
  const headers = { "x-session-id": "s1" };
  const loaded = (waiting: number): Endpoint[] => [anEndpoint("a", { waiting }), anEndpoint("b", { waiting: 1 })];
  assert.equal(send(plan, { headers, candidates: loaded(0) }), "a");
  assert.equal(send(plan, { headers, candidates: loaded(9) }), "b");
  assert.equal(send(plan, { headers, candidates: loaded(1) }), "a");
});

test("session-affinity-scorer rates the pinned endpoint 1 and the others 0, whatever their signals", () => {
  const odd = pool.map(({ name }) => anEndpoint(name, { waiting: Number.NaN, kv: -1 }));
  const ratings = (candidates: readonly Endpoint[], headers: Record<string, string>): (number | null)[][] => {
    const plan = affinity("session-affinity-scorer");
    const trace = traceOf(schedule(aRequest({ headers }), candidates, { nowMs: 0, random: createRandom(1), plan }));
    return explain(trace).candidates.map(({ scores: [only] }) => [only?.raw ?? null, only?.score ?? null]);
  };
  const headers = { "x-session-token": token(b) };
  assert.deepEqual(ratings(pool, headers), [
    [0, 0],
    [1, 1],
    [0, 0],
  ]);
  assert.deepEqual(ratings(odd, headers), [
    [0, 0],
    [1, 1],
    [0, 0],
  ]);
  assert.deepEqual(ratings([b], headers), [[1, 1]]);
  assert.deepEqual(ratings([a], headers), [[0, 0]]);
  assert.deepEqual(ratings(pool, {}), [
    [null, 0],
    [null, 0],
    [null, 0],
  ]);
});

test("a session table is bounded, drops the session unused for longest, and sweeps no more often than asked", () => {
  const table = new SessionTable(2);
  table.bind("s1", a, 0);
  table.bind("s2", b, 1);
  table.bind("s1", a, 2);
  table.bind("s3", c, 3);
  assert.equal(table.find("s2", 3, 100), undefined);
  assert.equal(table.find("s1", 3, 100)?.id, a.id);
  table.sweep(102, 100, 10);
  assert.equal(table.size, 2);
  table.sweep(111, 100, 10);
  assert.equal(table.size, 2, "the last sweep was 9 ms ago");
  table.sweep(112, 100, 10);
  assert.equal(table.size, 0);
});
