import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type PromptChain, withoutPrompt } from "../../src/request/inference-request.ts";
import { type BlockHashes, chainSeed, hashPromptChain } from "../../src/scheduling/prefix/block-hash.ts";
import { PrefixMatch } from "../../src/scheduling/prefix/prefix-match.ts";
import { noteDispatched, schedule } from "../../src/scheduling/schedule.ts";
import { aPlan } from "../support/a-plan.ts";
import { anEndpoint } from "../support/an-endpoint.ts";
import { aRequest } from "../support/a-request.ts";

const seed = chainSeed(7n, "base", "");
const sizes = fc.constantFrom(16, 64, 100, 128, 512);

/** A chain whose block i is named by the blocks up to it, as chains are. */
function aChain(content: readonly number[], blockTokens = 16): PromptChain {
  const words = new Uint32Array(content.length * 2);
  let state = 17;
  for (const [i, part] of content.entries()) {
    state = (Math.imul(state, 31) + part + 1) >>> 0;
    words.set([state, Math.imul(state, 0x9e3779b1) >>> 0], i * 2);
  }
  return { words, blockTokens };
}

function pairs({ words, count }: BlockHashes): string[] {
  return Array.from({ length: count }, (_, i) => `${words[2 * i]} ${words[2 * i + 1]}`);
}

const contents = fc.array(fc.nat(3), { maxLength: 40 });

test("blocks of equal size pass through: as many as the chain has, equal exactly where the chains are", () => {
  fc.assert(
    fc.property(contents, contents, sizes, (a, b, tokens) => {
      const [left, right] = [a, b].map((content) => pairs(hashPromptChain(aChain(content, tokens), tokens, 999, seed)));
      assert.equal(left?.length, a.length);
      for (const [i, hash] of (left ?? []).entries()) {
        const isShared = i < b.length && a.slice(0, i + 1).join() === b.slice(0, i + 1).join();
        assert.equal(hash === right?.[i], isShared, `block ${i}`);
      }
    }),
  );
});

test("blocks of any size: full ones alone, equal for a common beginning, apart from where chains part, none twice", () => {
  fc.assert(
    fc.property(contents, contents, sizes, sizes, (a, b, known, wanted) => {
      const [left = [], right = []] = [a, b].map((content) =>
        pairs(hashPromptChain(aChain(content, known), wanted, 9999, seed)),
      );
      assert.equal(left.length, Math.floor((a.length * known) / wanted));
      assert.equal(new Set(left).size, left.length);
      const firstOther = a.findIndex((part, i) => part !== b[i]);
      const common = firstOther < 0 ? a.length : firstOther;
      for (const [i, hash] of left.entries()) {
        const lastKnown = Math.ceil(((i + 1) * wanted) / known);
        assert.equal(right.includes(hash), lastKnown <= common && i < right.length, `block ${i}`);
      }
    }),
  );
});

test("other models, salts and keys share nothing, and no more blocks are hashed than asked for", () => {
  const chain = aChain([1, 2, 3, 4]);
  const hashes = (of: bigint): string[] => pairs(hashPromptChain(chain, 16, 3, of));
  const seeds = [seed, chainSeed(7n, "other", ""), chainSeed(7n, "base", "salt"), chainSeed(8n, "base", "")];
  const all = seeds.flatMap(hashes);
  assert.equal(all.length, 12);
  assert.equal(new Set(all).size, 12);
});

/** Blocks of 64 tokens that the endpoint is taken to hold of the chain, after `sent` went there. */
function matchedAfter(sent: PromptChain, asked: PromptChain, model = "base"): number {
  const plan = aPlan();
  const endpoint = anEndpoint("one", { cache: { blockSizeTokens: 16, blocks: 4096 } });
  const decide = (promptChain: PromptChain, of: string): ReturnType<typeof schedule> =>
    schedule(aRequest({ model: of, promptChain, promptBytes: promptChain.words.length * 32 }), [endpoint], {
      nowMs: 0,
      random: () => 0,
      plan,
    });
  const first = decide(sent, "base");
  assert.ok(first.kind === "picked");
  noteDispatched(plan, first);
  const match = [...decide(asked, model).cycle.produced.values()].find((data) => data instanceof PrefixMatch);
  assert.ok(match !== undefined);
  return match.matchedBlocks(endpoint);
}

test("the prefix producer matches chains as it matches prompts", () => {
  const long = Array.from({ length: 40 }, (_, i) => i);
  const parted = [...long.slice(0, 21), 99, ...long.slice(22)];
  assert.equal(matchedAfter(aChain(long), aChain(long)), 10);
  assert.equal(matchedAfter(aChain(long), aChain(parted)), 5);
  assert.equal(matchedAfter(aChain(long), aChain([9, ...long])), 0);
  assert.equal(matchedAfter(aChain(long), aChain(long), "other"), 0);
});

test("withoutPrompt leaves out the chain too", () => {
  assert.deepEqual(withoutPrompt(aRequest({ promptChain: aChain([1]), requestId: "r" })), aRequest({ requestId: "r" }));
});

test("a chain of long blocks is matched in those, as the tokens that they are", () => {
  const content = Array.from({ length: 10 }, (_, i) => i);
  const chain = aChain(content, 512);
  const parted = aChain([...content.slice(0, 4), 99], 512);
  assert.equal(matchedAfter(chain, chain), 10);
  assert.equal(matchedAfter(chain, parted), 4);
});

test("long blocks take the room that short ones would: a server with 64 blocks keeps 8 of 512 tokens", () => {
  const plan = aPlan();
  const endpoint = anEndpoint("one", { cache: { blockSizeTokens: 16, blocks: 64 } });
  const chain = aChain(
    Array.from({ length: 20 }, (_, i) => i),
    512,
  );
  const context = { nowMs: 0, random: () => 0, plan };
  const first = schedule(aRequest({ promptChain: chain }), [endpoint], context);
  assert.ok(first.kind === "picked");
  noteDispatched(plan, first);
  const second = schedule(aRequest({ promptChain: chain }), [endpoint], context);
  const match = [...second.cycle.produced.values()].find((data) => data instanceof PrefixMatch);
  assert.equal(match?.totalBlocks, 20);
  assert.equal(match.matchedBlocks(endpoint), 8);
});
