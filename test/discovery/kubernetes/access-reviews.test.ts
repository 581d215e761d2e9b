import assert from "node:assert/strict";
import { test } from "node:test";
import { AccessReviews } from "../../../src/discovery/kubernetes/access-reviews.ts";
import type { ApiReply, ApiRequest, ApiServer } from "../../../src/discovery/kubernetes/api-server.ts";
import { ConnectionFailure } from "../../../src/discovery/kubernetes/connection-failure.ts";
import { VirtualClock } from "../../../src/lib/virtual-clock.ts";

interface Rig {
  readonly reviews: AccessReviews;
  readonly clock: VirtualClock;
  /** Bodies of the reviews in order. */
  readonly asked: { readonly path: string; readonly spec: Record<string, unknown> }[];
  readonly faults: string[];
  /** Replaces the answers of the API server. */
  readonly answerWith: (answer: (request: ApiRequest) => ApiReply | Promise<ApiReply>) => void;
}

const created = (status: object): ApiReply => ({ status: 201, body: { status } });

/** Knows the tokens "good" of prometheus and "poor" of somebody without rights. */
function knowing({ path, body }: ApiRequest): ApiReply {
  const { spec } = body as { spec: { token?: string; user?: string } };
  if (path.endsWith("subjectaccessreviews")) return created({ allowed: spec.user === "system:prometheus" });
  const username = { good: "system:prometheus", poor: "somebody" }[spec.token ?? ""];
  if (username === undefined) return created({ authenticated: false });
  return created({ authenticated: true, user: { username, uid: "7", groups: ["g"], extra: { scopes: ["s"] } } });
}

function aRig(): Rig {
  const clock = new VirtualClock();
  const asked: Rig["asked"] = [];
  const faults: string[] = [];
  let answer: (request: ApiRequest) => ApiReply | Promise<ApiReply> = knowing;
  const api: ApiServer = {
    url: "http://127.0.0.1:1",
    ask: async (request) => {
      asked.push({ path: request.path, spec: (request.body as { spec: Record<string, unknown> }).spec });
      return answer(request);
    },
    watch: () => Promise.reject(new Error("reviews do not watch")),
    close: () => {},
  };
  const reviews = new AccessReviews({ api, clock, onFailed: ({ reason }) => faults.push(reason) });
  return {
    reviews,
    clock,
    asked,
    faults,
    answerWith: (next) => {
      answer = next;
    },
  };
}

test("a token is reviewed, then whether its user may get the path", async () => {
  const { reviews, asked } = aRig();
  assert.deepEqual(await reviews.authorize("good", "/metrics"), { kind: "allowed" });
  assert.deepEqual(asked, [
    { path: "/apis/authentication.k8s.io/v1/tokenreviews", spec: { token: "good" } },
    {
      path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      spec: {
        user: "system:prometheus",
        uid: "7",
        groups: ["g"],
        extra: { scopes: ["s"] },
        nonResourceAttributes: { path: "/metrics", verb: "get" },
      },
    },
  ]);
  assert.deepEqual(await reviews.authorize("poor", "/metrics"), { kind: "forbidden", user: "somebody" });
  assert.deepEqual(await reviews.authorize("made-up", "/metrics"), { kind: "unauthenticated" });
  assert.equal(asked.length, 5, "a token of nobody is not asked about further");
});

test("nothing and far too much are nobody's tokens, without a question", async () => {
  const { reviews, asked } = aRig();
  assert.deepEqual(await reviews.authorize("", "/metrics"), { kind: "unauthenticated" });
  assert.deepEqual(await reviews.authorize("x".repeat(17_000), "/metrics"), { kind: "unauthenticated" });
  assert.equal(asked.length, 0);
});

test("an answer holds for a minute, a refusal for ten seconds, each for its token and path", async () => {
  const { reviews, clock, asked } = aRig();
  const asks = async (token: string, path: string): Promise<number> => {
    const before = asked.length;
    await reviews.authorize(token, path);
    return asked.length - before;
  };
  assert.deepEqual([await asks("good", "/metrics"), await asks("good", "/debug/decisions")], [2, 2]);
  assert.deepEqual([await asks("poor", "/metrics"), await asks("made-up", "/metrics")], [2, 1]);
  clock.advance(9_999);
  for (const token of ["good", "poor", "made-up"]) assert.equal(await asks(token, "/metrics"), 0, token);
  clock.advance(1);
  assert.deepEqual([await asks("good", "/metrics"), await asks("poor", "/metrics")], [0, 2]);
  assert.equal(await asks("made-up", "/metrics"), 1);
  clock.advance(50_000);
  assert.equal(await asks("good", "/metrics"), 2);
});

test("who asks the same at once shares one review", async () => {
  const { reviews, asked } = aRig();
  const verdicts = await Promise.all(Array.from({ length: 50 }, () => reviews.authorize("good", "/metrics")));
  assert.deepEqual(new Set(verdicts.map(({ kind }) => kind)), new Set(["allowed"]));
  assert.equal(asked.length, 2);
});

test("a flood of made-up tokens is not passed on: 16 reviews at a time, 1000 answers kept", async () => {
  const { reviews, asked, answerWith } = aRig();
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  answerWith(async (request) => {
    await gate;
    return knowing(request);
  });
  const verdicts = Array.from({ length: 200 }, (_, i) => reviews.authorize(`token ${i}`, "/metrics"));
  assert.equal(asked.length, 16);
  release();
  const kinds = (await Promise.all(verdicts)).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "unavailable").length, 184);
  for (let i = 0; i < 1500; i++) await reviews.authorize(`other ${i}`, "/metrics");
  assert.equal(reviews.keys.length, 1000);
});

test("T42 tokens are kept as hashes alone", async () => {
  const { reviews } = aRig();
  await reviews.authorize("good", "/metrics");
  assert.equal(reviews.keys.length, 1);
  assert.doesNotMatch(reviews.keys.join(), /good/);
});

test("without an API server known answers hold until their time, then nobody can say, and it is asked again at once", async () => {
  const { reviews, clock, faults, answerWith } = aRig();
  await reviews.authorize("good", "/metrics");
  answerWith(() => Promise.reject(new ConnectionFailure("connection", "connect ECONNREFUSED")));
  clock.advance(59_999);
  assert.deepEqual(await reviews.authorize("good", "/metrics"), { kind: "allowed" });
  clock.advance(1);
  const verdict = await reviews.authorize("good", "/metrics");
  assert.deepEqual(verdict, { kind: "unavailable", reason: "the API server gave no answer (connection)" });
  assert.deepEqual(faults, ["connection"]);
  answerWith(knowing);
  assert.deepEqual(await reviews.authorize("good", "/metrics"), { kind: "allowed" });
});

test("reviews that the API server refuses or that say nothing let nobody in", async () => {
  const { reviews, faults, answerWith } = aRig();
  answerWith(() => ({ status: 403, body: { message: "may not create tokenreviews" } }));
  assert.equal((await reviews.authorize("good", "/metrics")).kind, "unavailable");
  assert.deepEqual(faults, ["forbidden"]);
  for (const body of [undefined, {}, { status: { authenticated: "yes" } }, { status: null }]) {
    answerWith(() => ({ status: 201, body }));
    assert.equal((await reviews.authorize(`t ${JSON.stringify(body)}`, "/metrics")).kind, "unauthenticated");
  }
  answerWith((request) => (request.path.endsWith("tokenreviews") ? knowing(request) : { status: 201, body: {} }));
  assert.equal((await reviews.authorize("good", "/metrics")).kind, "forbidden");
});
