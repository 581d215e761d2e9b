import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BlockPool } from "../../../simulator/replica/block-pool.ts";
import { HashIndex } from "../../../simulator/replica/hash-index.ts";

/** A chain whose keys are the hashes plus one. */
const aChainOf = (...hashes: number[]) => ({ hashes: Float64Array.from(hashes), blocksPerHash: 1 });

test("a hash index behaves as a map under sets and deletes in any order", () => {
  const hash = fc.oneof(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 20 }).map((i) => i * 2 ** 40),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(hash, fc.boolean()), { maxLength: 200 }), (operations) => {
      const index = new HashIndex();
      const model = new Map<number, number>();
      for (const [i, [key, isDelete]] of operations.entries()) {
        if (isDelete) {
          index.delete(key);
          model.delete(key);
        } else if (!model.has(key)) {
          index.set(key, i);
          model.set(key, i);
        }
        for (const [known, block] of model) assert.equal(index.get(known), block);
        assert.equal(index.get(key), model.get(key) ?? -1);
      }
    }),
  );
});

test("blocks are conserved: free ones and referenced ones are all there are, and no two holders get one block", () => {
  const operation = fc.record({ kind: fc.constantFrom("allocate", "release", "share", "register"), pick: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const pool = new BlockPool(6);
      const held: number[] = [];
      const references = new Map<number, number>();
      const count = (block: number, by: number) => references.set(block, (references.get(block) ?? 0) + by);
      const found = new Int32Array(6);
      for (const { kind, pick } of operations) {
        const block = held[pick % Math.max(1, held.length)];
        if (kind === "allocate" && pool.free > 0) {
          const fresh = pool.allocate();
          assert.equal(references.get(fresh) ?? 0, 0);
          held.push(fresh);
          count(fresh, 1);
        } else if (kind === "release" && block !== undefined) {
          pool.release(block);
          held.splice(held.indexOf(block), 1);
          count(block, -1);
        } else if (kind === "register" && block !== undefined) {
          pool.register(block, 1 + (pick % 4));
        } else if (kind === "share" && pool.findPrefix(aChainOf(pick % 4), 1, found) === 1) {
          pool.share(found[0]!);
          held.push(found[0]!);
          count(found[0]!, 1);
        }
        assert.equal(pool.free, 6 - new Set(held).size);
        for (const [known, wanted] of references) assert.equal(pool.references(known), wanted);
      }
    }),
  );
});

test("a block that nobody holds can be found until it is allocated again, oldest first", () => {
  const pool = new BlockPool(2);
  const found = new Int32Array(2);
  const [a, b] = [pool.allocate(), pool.allocate()];
  pool.register(a, 11);
  pool.register(b, 22);
  pool.release(b);
  pool.release(a);
  assert.equal(pool.findPrefix(aChainOf(10, 21), 2, found), 2);
  assert.equal(pool.countFree(found, 2), 2);
  assert.equal(pool.allocate(), b);
  assert.equal(pool.findPrefix(aChainOf(21), 1, found), 0);
  assert.equal(pool.findPrefix(aChainOf(10), 1, found), 1);
});

test("a release without a reference and an allocation from an empty pool are refused", () => {
  const pool = new BlockPool(1);
  const block = pool.allocate();
  assert.throws(() => pool.allocate(), /0 of 1 free, expected 1/);
  pool.release(block);
  assert.throws(() => pool.release(block), /0 references, expected at least 1/);
});
