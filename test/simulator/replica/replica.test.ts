import assert from "node:assert/strict";
import { test } from "node:test";
import { createReplica } from "../../../simulator/replica/replica.ts";
import { aChain, aConfig, aRequest, idsOf, runAll, runStep } from "./support.ts";

test("a request alone gives its first token after the prefill and one more a step", () => {
  const replica = createReplica(aConfig());
  replica.submit(aRequest(1, { outputTokens: 3 }), 0);
  const steps = runAll(replica);
  assert.deepEqual(
    steps.map(({ endMs, events }) => [endMs, events.map(({ id, index, isLast }) => [id, index, isLast])]),
    [
      [10, [[1, 0, false]]],
      [20, [[1, 1, false]]],
      [30, [[1, 2, true]]],
    ],
  );
  assert.equal(replica.load().finishedRequests, 1);
  assert.equal(replica.load().kvCacheRatio, 0);
});

test("a request waits for its overhead before it is in the queue", () => {
  const replica = createReplica(aConfig({ requestOverheadMs: 8, promptOverheadMs: 1000 }));
  replica.submit(aRequest(1), 100);
  assert.equal(replica.startStep(100), undefined);
  assert.equal(replica.load().waiting, 0);
  assert.equal(replica.wakeAtMs(), 112);
  assert.equal(replica.startStep(112), 122);
});

test("a prompt over the step's budget is computed in chunks beside the decodes", () => {
  const coefficients = { baseMs: 1, perRequestUs: 0, perContextTokenUs: 0, perPrefillTokenUs: 1000, attentionNs: 0 };
  const replica = createReplica(aConfig({ maxBatchedTokens: 8, coefficients }));
  replica.submit(aRequest(1, { outputTokens: 9 }), 0);
  assert.equal(replica.startStep(0), 5);
  replica.finishStep();
  replica.submit(aRequest(2, { promptTokens: 16 }), 5);
  const steps = [];
  for (let i = 0, atMs = 5; i < 4; i++) {
    const step = runStep(replica, atMs);
    assert.ok(step);
    steps.push([step.endMs - step.startMs, idsOf(step)]);
    atMs = step.endMs;
  }
  // The decode takes 1 of 8 tokens, so 16 prompt tokens take chunks of 7, 7 and 2.
  assert.deepEqual(steps, [
    [8, [1]],
    [8, [1]],
    [3, [1, 2]],
    [1, [1, 2]],
  ]);
});

test("long prefills get no more than their own limit in a step", () => {
  const replica = createReplica(aConfig({ longPrefillTokens: 3 }));
  replica.submit(aRequest(1, { promptTokens: 8, outputTokens: 1 }), 0);
  assert.deepEqual(
    runAll(replica).map((step) => idsOf(step)),
    [[], [], [1]],
  );
});

test("the batch holds at most maxSeqs requests, in order of arrival", () => {
  const replica = createReplica(aConfig({ maxSeqs: 2 }));
  for (const id of [1, 2, 3]) replica.submit(aRequest(id), 0);
  assert.deepEqual(
    runAll(replica).map((step) => idsOf(step)),
    [[1, 2], [1, 2], [3], [3]],
  );
});

test("a second request finds the prefix of the first, but its last prompt token is always computed", () => {
  const replica = createReplica(aConfig());
  replica.submit(aRequest(1, { promptTokens: 8, blockHashes: aChain(1, 2, 1, 0) }), 0);
  runAll(replica);
  replica.submit(aRequest(2, { promptTokens: 8, blockHashes: aChain(1, 2, 2, 0) }), 100);
  const [first] = runAll(replica, 100);
  assert.equal(first?.events[0]?.cachedTokens, 4);
  replica.submit(aRequest(3, { promptTokens: 9, blockHashes: aChain(1, 2, 3, 0) }), 200);
  const [second] = runAll(replica, 200);
  assert.equal(second?.events[0]?.cachedTokens, 8);
  const { prefixQueryTokens, prefixHitTokens } = replica.load();
  assert.deepEqual([prefixQueryTokens, prefixHitTokens], [25, 12]);
});

test("requests that run together hold a common prefix once", () => {
  const replica = createReplica(aConfig());
  // 16 shared prompt tokens are 4 of 8 blocks; each request needs one block of its own.
  for (const id of [1, 2, 3, 4]) {
    replica.submit(
      aRequest(id, { promptTokens: 17, outputTokens: 3, blockHashes: aChain(1, 4, id, 0) }),
      id === 1 ? 0 : 5,
    );
  }
  runStep(replica, 0);
  assert.equal(replica.load().kvCacheRatio, 5 / 8);
  const together = runStep(replica, 10);
  assert.deepEqual(idsOf(together), [1, 2, 3, 4]);
  assert.equal(replica.load().kvCacheRatio, 1);
  assert.equal(replica.load().preemptions, 0);
});

test("generated tokens are found by a prompt that continues them", () => {
  const replica = createReplica(aConfig());
  const chain = aChain(1, 3, 1, 0);
  replica.submit(aRequest(1, { promptTokens: 4, outputTokens: 9, blockHashes: chain }), 0);
  runAll(replica);
  replica.submit(aRequest(2, { promptTokens: 14, blockHashes: chain }), 500);
  const [first] = runAll(replica, 500);
  assert.equal(first?.events[0]?.cachedTokens, 12);
});

test("the request that came last is preempted when blocks run out, and goes on where it was", () => {
  const replica = createReplica(aConfig({ kvTokens: 16, maxModelTokens: 16 }));
  for (const id of [1, 2]) replica.submit(aRequest(id, { promptTokens: 7, outputTokens: 4 }), 0);
  const steps = runAll(replica);
  // Two blocks each hold tokens 1 to 8; for the ninth the second gives its blocks up.
  assert.deepEqual(
    steps.map((step) => [idsOf(step), idsOf(step, "preempted")]),
    [
      [[1, 2], []],
      [[1, 2], []],
      [[1], [2]],
      [[1], []],
      [[2], []],
      [[2], []],
    ],
  );
  const indexes = steps.flatMap(({ events }) => events.filter(({ id, kind }) => id === 2 && kind === "token"));
  assert.deepEqual(
    indexes.map(({ index }) => index),
    [0, 1, 2, 3],
  );
  assert.equal(replica.load().preemptions, 1);
});

test("a preempted request finds its own blocks again", () => {
  const coefficients = { baseMs: 1, perRequestUs: 0, perContextTokenUs: 0, perPrefillTokenUs: 1000, attentionNs: 0 };
  const replica = createReplica(aConfig({ kvTokens: 24, maxModelTokens: 24, coefficients }));
  replica.submit(aRequest(1, { promptTokens: 7, outputTokens: 6 }), 0);
  replica.submit(aRequest(2, { promptTokens: 12, outputTokens: 3, blockHashes: aChain(1, 3, 2, 0) }), 0);
  const steps = runAll(replica);
  const preempted = steps.findIndex((step) => idsOf(step, "preempted").includes(2));
  const resumed = steps.findIndex((step, i) => i > preempted && idsOf(step).includes(2));
  const { startMs, endMs } = steps[resumed] ?? { startMs: 0, endMs: 0 };
  assert.equal(replica.load().preemptions, 1);
  // Less than base plus the 12 prompt tokens: part of the prompt was still there.
  assert.ok(endMs - startMs < 13, `${endMs - startMs} ms`);
});

test("a full pool evicts the end of an old prompt before its beginning", () => {
  const replica = createReplica(aConfig());
  replica.submit(aRequest(1, { promptTokens: 13, outputTokens: 1, blockHashes: aChain(1, 3, 1, 0) }), 0);
  runAll(replica);
  // 4 blocks were never used; the fifth and sixth come from the tail of request 1.
  replica.submit(aRequest(2, { promptTokens: 21, outputTokens: 1 }), 100);
  runAll(replica, 100);
  replica.submit(aRequest(3, { promptTokens: 13, outputTokens: 1, blockHashes: aChain(1, 3, 3, 0) }), 200);
  const [step] = runAll(replica, 200);
  assert.equal(step?.events[0]?.cachedTokens, 8);
});

test("a waiting request whose adapter does not fit is passed over", () => {
  const replica = createReplica(aConfig({ maxLoras: 1, maxCpuLoras: 4, adapterLoadMs: 0, adapterSwapMs: 0 }));
  replica.submit(aRequest(1, { adapter: "a" }), 0);
  replica.submit(aRequest(2, { adapter: "b" }), 0);
  replica.submit(aRequest(3, { adapter: "a" }), 0);
  replica.submit(aRequest(4), 0);
  const first = runStep(replica, 0);
  assert.deepEqual(idsOf(first), [1, 3, 4]);
  assert.deepEqual(replica.load().runningAdapters, ["a"]);
  assert.deepEqual(replica.load().waitingAdapters, ["b"]);
  assert.deepEqual(
    runAll(replica, 10).map((step) => idsOf(step)),
    [[1, 3, 4], [2], [2]],
  );
});

test("adapters load one after another while others run, and stay in host memory", () => {
  const replica = createReplica(aConfig({ maxLoras: 2, maxCpuLoras: 3 }));
  replica.submit(aRequest(1, { adapter: "a" }), 0);
  replica.submit(aRequest(2, { adapter: "b" }), 0);
  assert.equal(replica.startStep(0), undefined);
  assert.equal(replica.wakeAtMs(), 25);
  const steps = runAll(replica);
  assert.deepEqual(
    steps.map((step) => [step.startMs, idsOf(step)]),
    [
      [25, [1]],
      [35, [1]],
      [50, [2]],
      [60, [2]],
    ],
  );
  // "c" takes the slot of "a", which comes back from host memory in 5 ms.
  replica.submit(aRequest(3, { adapter: "c", outputTokens: 1 }), 100);
  assert.equal(runAll(replica, 100)[0]?.startMs, 125);
  replica.submit(aRequest(4, { adapter: "a", outputTokens: 1 }), 200);
  assert.equal(runAll(replica, 200)[0]?.startMs, 205);
  assert.equal(replica.load().adapterLoads, 4);
});

test("a step takes longer for every distinct adapter", () => {
  const replica = createReplica(aConfig({ adapterStepFactor: 0.1, adapterLoadMs: 0 }));
  for (const [id, adapter] of ["a", "a", "b"].entries()) replica.submit(aRequest(id, { adapter }), 0);
  assert.equal(replica.startStep(0), 12);
});

test("a cancelled request leaves at once, in a step with its end", () => {
  const replica = createReplica(aConfig({ requestOverheadMs: 1 }));
  for (const id of [1, 2, 3]) replica.submit(aRequest(id, { outputTokens: 5 }), 0);
  assert.equal(replica.cancel(1), true);
  assert.equal(replica.startStep(1), 11);
  assert.equal(replica.cancel(2), true);
  assert.equal(replica.cancel(2), false);
  assert.deepEqual(
    replica.finishStep().map(({ id }) => id),
    [3],
  );
  assert.equal(replica.load().kvCacheRatio, 1 / 8);
  assert.equal(replica.cancel(3), true);
  assert.equal(replica.load().kvCacheRatio, 0);
  assert.equal(replica.startStep(11), undefined);
  assert.equal(replica.wakeAtMs(), undefined);
});

const refused = [
  { request: aRequest(7, { promptTokens: 31 }), message: /request "7": 33 tokens in all, expected at most 32/ },
  { request: aRequest(7, { promptTokens: 0 }), message: /0 prompt tokens, expected at least 1/ },
  { request: aRequest(7, { outputTokens: 0.5 }), message: /0.5 output tokens, expected at least 1/ },
] as const;

for (const { request, message } of refused) {
  test(`submit refuses ${message.source}`, () => {
    assert.throws(() => createReplica(aConfig()).submit(request, 0), message);
  });
}

test("submit refuses an id under way and an adapter without slots", () => {
  const replica = createReplica(aConfig({ maxLoras: 0 }));
  replica.submit(aRequest(1), 0);
  assert.throws(() => replica.submit(aRequest(1), 0), /its id is under way/);
  assert.throws(() => replica.submit(aRequest(2, { adapter: "a" }), 0), /expected no adapter \(maxLoras is 0\)/);
});

test("steps out of order are refused", () => {
  const replica = createReplica(aConfig());
  assert.throws(() => replica.finishStep(), /none is under way/);
  replica.submit(aRequest(1), 0);
  replica.startStep(0);
  assert.throws(() => replica.startStep(0), /one is under way/);
});
