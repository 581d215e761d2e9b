import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { createRandom } from "../../src/lib/random.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import { explain } from "../../src/scheduling/explain.ts";
import { adoptLearned, forgetEndpoint, type SchedulingPlan } from "../../src/scheduling/plan.ts";
import { chainSeed, hashBlocks } from "../../src/scheduling/prefix/block-hash.ts";
import { PrefixIndex } from "../../src/scheduling/prefix/prefix-index.ts";
import { noteDispatched, schedule } from "../../src/scheduling/schedule.ts";
import { aPlan, traceOf } from "../support/a-plan.ts";
import { aRequest } from "../support/a-request.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

const blockBytes = 256;
const [first, second] = [anEndpoint("server-0"), anEndpoint("server-1")];
const pool = [first, second];

/** Text of `blocks` blocks; texts of different seeds differ in every block. */
function text(blocks: number, seed = 1): string {
  const random = createRandom(seed);
  return Array.from({ length: blocks * blockBytes }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join(
    "",
  );
}

function planWith(parameters = "{}", scorer = "{}"): SchedulingPlan {
  return aPlan(`plugins:
  - {type: prefix-cache-scorer, parameters: ${scorer}}
  - {type: approx-prefix-cache-producer, parameters: ${parameters}}
`);
}

function send(plan: SchedulingPlan, request: InferenceRequest, endpoint: Endpoint): void {
  const decision = schedule(request, [endpoint], { nowMs: 0, random: createRandom(1), plan });
  assert.equal(decision.kind, "picked");
  if (decision.kind === "picked") noteDispatched(plan, decision);
}

function scores(plan: SchedulingPlan, request: InferenceRequest, endpoints: readonly Endpoint[] = pool): number[] {
  const trace = traceOf(schedule(request, endpoints, { nowMs: 0, random: createRandom(1), plan }));
  return explain(trace).candidates.map(({ total }) => total);
}

test("H8 a long prompt sent again prefers the server that had it; another model or salt does not match", () => {
  const plan = planWith();
  const prompt = text(20);
  send(plan, aRequest({ prompt }), second);
  assert.deepEqual(scores(plan, aRequest({ prompt })), [0, 1]);
  assert.deepEqual(scores(plan, aRequest({ prompt, model: "other" })), [0, 0]);
  assert.deepEqual(scores(plan, aRequest({ prompt, cacheSalt: "tenant" })), [0, 0]);
});

test("a salt never reaches the prompts of another model or salt", () => {
  const plan = planWith();
  const prompt = text(3);
  send(plan, aRequest({ prompt, model: "base-private" }), first);
  send(plan, aRequest({ prompt, model: "base", cacheSalt: "tenant-1" }), first);
  assert.deepEqual(scores(plan, aRequest({ prompt, model: "base", cacheSalt: "-private" })), [0, 0]);
  assert.deepEqual(scores(plan, aRequest({ prompt, model: "basetenant", cacheSalt: "-1" })), [0, 0]);
  assert.deepEqual(scores(plan, aRequest({ prompt, model: "base", cacheSalt: "tenant-1" })), [1, 0]);
  send(plan, aRequest({ prompt, model: "base", cacheSalt: "-private" }), second);
  assert.deepEqual(scores(plan, aRequest({ prompt, model: "base", cacheSalt: "-private" })), [0, 1]);
});

test("a model named as a pair of model and salt runs together matches the pair's prompts beside its own", () => {
  const plan = planWith();
  const [own, salted] = [text(2) + text(2, 2), text(3) + text(1, 3)];
  const named = (prompt: string): InferenceRequest => aRequest({ prompt, model: "basetenant-1" });
  send(plan, named(own), first);
  assert.deepEqual(scores(plan, named(salted)), [1 / 2, 0]);
  send(plan, aRequest({ prompt: salted, model: "base", cacheSalt: "tenant-1" }), second);
  assert.deepEqual(scores(plan, named(own)), [1, 1 / 2]);
  assert.deepEqual(scores(plan, named(salted)), [1 / 2, 1]);
  assert.deepEqual(scores(plan, aRequest({ prompt: salted, model: "other" })), [0, 0]);
  const successor = planWith();
  adoptLearned(successor, plan);
  assert.deepEqual(scores(successor, named(salted)), [1 / 2, 1], "after a reload");
});

test("a prompt matches block by block from its start; a shorter last block counts as one", () => {
  const plan = planWith();
  const prompt = text(4);
  send(plan, aRequest({ prompt: `${prompt}tail` }), first);
  assert.deepEqual(scores(plan, aRequest({ prompt: `${prompt}tail` })), [1, 0]);
  assert.deepEqual(scores(plan, aRequest({ prompt: `${prompt}tale` })), [4 / 5, 0]);
  assert.deepEqual(scores(plan, aRequest({ prompt: prompt.slice(0, 600) })), [2 / 3, 0]);
  assert.deepEqual(scores(plan, aRequest({ prompt: `x${prompt}` })), [0, 0]);
  assert.deepEqual(scores(plan, aRequest({ prompt: "" })), [0, 0]);
});

test("a decision that is not dispatched teaches nothing", () => {
  const plan = planWith();
  scores(plan, aRequest({ prompt: text(2) }));
  assert.deepEqual(scores(plan, aRequest({ prompt: text(2) })), [0, 0]);
});

test("an endpoint that left, or came back as another incarnation, has matched nothing", () => {
  const plan = planWith();
  send(plan, aRequest({ prompt: text(2) }), first);
  const reborn = anEndpoint("server-0", { incarnation: "another" });
  assert.deepEqual(scores(plan, aRequest({ prompt: text(2) }), [reborn]), [0]);
  assert.deepEqual(scores(plan, aRequest({ prompt: text(2) })), [1, 0]);
  forgetEndpoint(plan, first.id);
  assert.deepEqual(scores(plan, aRequest({ prompt: text(2) })), [0, 0]);
});

const parameterRows: [what: string, parameters: string, cache: object | undefined, matched: number][] = [
  ["64 tokens a block by default", "{}", undefined, 10],
  ["smaller blocks raised to 64 tokens", "{autoTune: false, blockSizeTokens: 16}", undefined, 10],
  ["the configured block size", "{autoTune: false, blockSizeTokens: 128}", undefined, 5],
  ["the scraped block size", "{blockSizeTokens: 256}", { blockSizeTokens: 128 }, 5],
  ["the configured size without autoTune", "{autoTune: false}", { blockSizeTokens: 128 }, 10],
  ["the configured size when the scraped one is absurd", "{blockSizeTokens: 128}", { blockSizeTokens: Number.NaN }, 5],
  ["at most maxPrefixTokensToMatch", "{maxPrefixTokensToMatch: 200, maxPrefixBlocksToMatch: 7}", undefined, 3],
  ["at most maxPrefixBlocksToMatch without it", "{maxPrefixTokensToMatch: 0, maxPrefixBlocksToMatch: 7}", undefined, 7],
];

for (const [what, parameters, cache, matched] of parameterRows) {
  test(`approx-prefix-cache-producer matches ${what}`, () => {
    const plan = planWith(parameters);
    const endpoint = anEndpoint("server-0", cache === undefined ? {} : { cache });
    send(plan, aRequest({ prompt: text(10) }), endpoint);
    const context = { nowMs: 0, random: createRandom(1), plan };
    const trace = traceOf(schedule(aRequest({ prompt: text(10) }), [endpoint], context));
    assert.deepEqual(explain(trace).candidates[0]?.scores, [{ raw: matched, score: 1 }]);
  });
}

const capacityRows: [what: string, parameters: string, blocks: number | undefined, matched: number][] = [
  ["lruCapacityPerServer", "{autoTune: false, lruCapacityPerServer: 4}", 8, 4],
  ["as many as the server reports", "{lruCapacityPerServer: 4}", 8, 8],
  ["lruCapacityPerServer when the report is absurd", "{lruCapacityPerServer: 4}", Number.POSITIVE_INFINITY, 4],
];

for (const [what, parameters, blocks, matched] of capacityRows) {
  test(`approx-prefix-cache-producer keeps ${what} and the starts of prompts longest`, () => {
    const plan = planWith(parameters);
    const endpoint = anEndpoint("server-0", { cache: { blocks } });
    send(plan, aRequest({ prompt: text(10, 1) }), endpoint);
    assert.deepEqual(scores(plan, aRequest({ prompt: text(10, 1) }), [endpoint]), [matched / 10]);
    send(plan, aRequest({ prompt: text(1, 2) }), endpoint);
    assert.deepEqual(scores(plan, aRequest({ prompt: text(10, 1) }), [endpoint]), [(matched - 1) / 10]);
    assert.deepEqual(scores(plan, aRequest({ prompt: text(1, 2) }), [endpoint]), [1]);
  });
}

test("prefix-cache-scorer weighs the matched length as its formula says", () => {
  const plan = planWith("{}", "{matchLengthWeight: 0.5, matchLengthScaleTokens: 512}");
  send(plan, aRequest({ prompt: text(4) }), first);
  assert.deepEqual(scores(plan, aRequest({ prompt: text(4) })), [0.5 + 0.5 * (256 / 512) ** 2, 0]);
  assert.deepEqual(scores(plan, aRequest({ prompt: text(4) + text(4, 2) })), [
    0.5 * (4 / 8) + 0.5 * (256 / 512) ** 2,
    0,
  ]);
});

test("PrefixIndex counts the same leading blocks as a look at each would, whatever was added before", () => {
  const chain = fc.array(fc.nat(3), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(chain, { maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (chains, capacity) => {
      const index = new PrefixIndex(1_000_000);
      const hashes = chains.map((blocks, at) =>
        hashBlocks(Uint8Array.from(blocks), 1, 100, 1n, at % 2 ? [4, 7, 12] : []),
      );
      for (const some of hashes) index.add(first, some, capacity);
      assert.ok(index.size.blocks <= capacity);
      const held = new Set<string>();
      for (const some of hashes) {
        if (some.chainEnds.length > 1) continue;
        const matched = index.matchedBlocks(first, some);
        for (let i = 0; i < matched; i++) held.add(`${some.words[i * 2]}:${some.words[i * 2 + 1]}`);
      }
      assert.ok(held.size <= index.size.blocks);
      const last = hashes.at(-1);
      if (last === undefined) return;
      const matched = index.matchedBlocks(first, last);
      // The prompts of a list may have blocks in common, which are held once.
      assert.ok(matched >= Math.min(last.count, capacity) && matched <= last.count);
      if (last.chainEnds.length === 1) assert.equal(matched, Math.min(last.count, capacity));
    }),
    { numRuns: 200 },
  );
});

test("prompts of a list match each from its own start; a list of one equals the string", () => {
  const plan = planWith();
  const [one, two] = [text(3), text(2, 2)];
  const list = (...prompts: string[]): InferenceRequest => {
    const segments = prompts.map((_, index) => prompts.slice(0, index + 1).join("").length);
    return aRequest({ prompt: prompts.join(""), segments: prompts.length > 1 ? segments : [] });
  };
  send(plan, list(one, two), first);
  assert.deepEqual(scores(plan, list(one, two)), [1, 0]);
  assert.deepEqual(scores(plan, list(two)), [1, 0], "the second prompt alone");
  assert.deepEqual(scores(plan, list(two, one)), [1, 0], "in another order");
  assert.deepEqual(scores(plan, list(text(5, 3), two)), [2 / 7, 0]);
  assert.deepEqual(scores(plan, aRequest({ prompt: one + two })), [3 / 5, 0], "run together they are another prompt");
});

test("hashBlocks bounds the blocks of all chains together and takes ends beyond the prompt", () => {
  const prompt = Uint8Array.from([1, 2, 3, 4, 5]);
  const { chainEnds, count, words } = hashBlocks(prompt, 1, 4, 1n, [2, 2, 9]);
  assert.deepEqual(chainEnds, [2, 2, 4]);
  assert.equal(count, 4);
  assert.deepEqual(words.slice(4), hashBlocks(Uint8Array.of(3, 4), 1, 4, 1n).words);
});

test("hashBlocks depends on the key, the order and everything before a block", () => {
  const seed = chainSeed(1n, "base", "");
  const words = (prompt: string, from = seed): string[] => {
    const { words: all, count } = hashBlocks(new TextEncoder().encode(prompt), 2, 100, from);
    return Array.from({ length: count }, (_, i) => `${all[i * 2]}:${all[i * 2 + 1]}`);
  };
  assert.deepEqual(words("aabb"), words("aabb"));
  assert.equal(words("aabb")[0], words("aacc")[0]);
  assert.notEqual(words("aabb")[1], words("ccbb")[1]);
  assert.notEqual(words("aabb")[0], words("aabb", chainSeed(2n, "base", ""))[0]);
  assert.equal(new Set(words("a".repeat(200))).size, 100);
});
