import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BlockPool } from "../../../simulator/replica/block-pool.ts";
import { ExtentPool, type HeldBlocks } from "../../../simulator/replica/extent-pool.ts";
import { blockKey, type HashChain } from "../../../simulator/replica/hash-chain.ts";

const size = 24;

/** A request in both pools. */
interface Holder {
  readonly held: HeldBlocks;
  /** Its blocks in the block pool. */
  readonly blocks: number[];
}

/** Both pools, given the same operations. */
class Pair {
  readonly extents = new ExtentPool(size);
  readonly blocks = new BlockPool(size);
  readonly holders: Holder[] = [];
  readonly #found = new Int32Array(size);

  /** A request comes: it takes what is cached of its chain and `own` blocks more, when there are enough. */
  come(chain: HashChain, own: number): void {
    const limit = Math.min(size, chain.hashes.length * chain.blocksPerHash);
    const hits = this.blocks.findPrefix(chain, limit, this.#found);
    assert.equal(this.extents.findPrefix(chain, limit), hits);
    assert.equal(this.extents.freeOfFound, this.blocks.countFree(this.#found, hits));
    if (own > this.blocks.free - this.blocks.countFree(this.#found, hits)) return;
    this.extents.share(chain, hits);
    const blocks = Array.from(this.#found.subarray(0, hits));
    for (const block of blocks) this.blocks.share(block);
    const holder = { held: { chain, registered: hits, duplicates: [], lastExtent: 0 }, blocks };
    this.holders.push(holder);
    this.grow(holder, own);
  }

  /** A request takes more blocks, when there are enough. */
  grow(holder: Holder, own: number): void {
    if (own > this.blocks.free) return;
    this.extents.allocate(own);
    for (let i = 0; i < own; i++) holder.blocks.push(this.blocks.allocate());
  }

  /** A request has filled some of its blocks. */
  fill({ held, blocks }: Holder, more: number): void {
    const { chain, registered } = held;
    const until = Math.min(registered + more, blocks.length, chain.hashes.length * chain.blocksPerHash);
    for (let i = registered; i < until; i++) this.blocks.register(blocks[i]!, blockKey(chain, i));
    this.extents.register(held, until);
  }

  leave(holder: Holder): void {
    this.holders.splice(this.holders.indexOf(holder), 1);
    for (const block of holder.blocks.toReversed()) this.blocks.release(block);
    this.extents.release(holder.held, holder.blocks.length);
  }
}

test("extents find, share and forget what single blocks do", () => {
  const operation = fc.record({
    kind: fc.constantFrom("come", "come", "grow", "fill", "fill", "leave"),
    pick: fc.nat(1000),
    fork: fc.integer({ min: 0, max: 6 }),
    amount: fc.integer({ min: 0, max: 9 }),
  });
  const plan = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.array(operation, { maxLength: 80, size: "max" }));
  const counts = { hits: 0, duplicates: 0 };
  fc.assert(
    fc.property(plan, ([blocksPerHash, operations]) => {
      const pair = new Pair();
      for (const { kind, pick, fork, amount } of operations) {
        const holder = pair.holders[pick % Math.max(1, pair.holders.length)];
        // Two chains that part after `fork` hashes from a third.
        const hashes = Float64Array.from({ length: 8 }, (_, i) =>
          i < fork ? i : 100 * (1 + (pick % 2)) + 10 * fork + i,
        );
        if (kind === "come") pair.come({ hashes, blocksPerHash }, amount);
        else if (holder !== undefined && kind === "grow") pair.grow(holder, amount);
        else if (holder !== undefined && kind === "fill") pair.fill(holder, amount);
        else if (holder !== undefined && kind === "leave") pair.leave(holder);
        assert.equal(pair.extents.free, pair.blocks.free);
        for (const { held } of pair.holders) counts.duplicates += held.duplicates.length;
        counts.hits += pair.extents.freeOfFound;
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(counts.hits > 1000 && counts.duplicates > 1000, JSON.stringify(counts));
});

test("more blocks than are free, and blocks that are not held, are refused", () => {
  const pool = new ExtentPool(2);
  const chain = { hashes: Float64Array.of(1), blocksPerHash: 2 };
  assert.throws(() => pool.allocate(3), /Cannot allocate 3 KV blocks: 2 of 2 free/);
  assert.throws(() => pool.share(chain, 1), /Cannot share 1 KV blocks: 0 are cached/);
  assert.throws(
    () => pool.release({ chain, registered: 1, duplicates: [], lastExtent: 0 }, 1),
    /Cannot release KV block "0": not cached, expected it held/,
  );
});
