import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BlockChains, rootBlock } from "../../../simulator/traces/block-chains.ts";

test("ids are equal exactly when all blocks up to theirs are", () => {
  const content = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(-1, 2 ** 40, 2 ** 53 + 2, 2 ** 22, 0.5));
  const chain = fc.array(content, { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(chain, { maxLength: 40 }), (chains) => {
      const blocks = new BlockChains();
      const idOf = new Map<string, number>();
      for (const one of chains) {
        let last = rootBlock;
        for (const [i, value] of one.entries()) {
          last = blocks.extend(last, value);
          const key = JSON.stringify(one.slice(0, i + 1));
          assert.equal(last, idOf.get(key) ?? idOf.size + 1);
          idOf.set(key, last);
        }
      }
      assert.equal(blocks.count, idOf.size);
    }),
  );
});

test("ids stay as they are while the chains grow, and a fresh block is like no other", () => {
  const blocks = new BlockChains();
  const contents = Array.from({ length: 50_000 }, (_, i) => (i % 2 === 0 ? i : i * 2 ** 33));
  const ids = contents.map((content) => blocks.extend(rootBlock, content));
  // The same contents after another parent are told apart by hash.
  const others = contents.map((content) => blocks.extend(1, content));
  const fresh = blocks.fresh(rootBlock);
  assert.deepEqual(
    contents.map((content) => blocks.extend(rootBlock, content)),
    ids,
  );
  assert.deepEqual(
    contents.map((content) => blocks.extend(1, content)),
    others,
  );
  assert.equal(new Set([...ids, ...others, fresh]).size, 100_001);
  assert.notEqual(blocks.fresh(rootBlock), fresh);
});
