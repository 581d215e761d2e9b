import type { DecodeSet } from "./decode-set.ts";
import type { ExtentPool } from "./extent-pool.ts";
import type { MacroSequence } from "./macro-sequence.ts";

/** A request makes its blocks before `until` findable at the end of step `step`, counted from 1. */
interface Filling {
  readonly step: number;
  readonly sequence: MacroSequence;
  readonly until: number;
}

/**
 * Makes blocks findable when they are full. Blocks of prompts fill in steps that are taken singly; those that decodes fill are
 * caught up with after a jump, each at its step among the allocations of that step and in the order of the batch, since what
 * is found cached first stays and what is allocated first is forgotten.
 */
export class BlockFilling {
  readonly #blockSize: number;
  readonly #pool: ExtentPool;
  readonly #decodes: DecodeSet;
  /** Decodes whose hashes name output. */
  readonly #hashed: MacroSequence[] = [];

  constructor(blockSizeTokens: number, pool: ExtentPool, decodes: DecodeSet) {
    this.#blockSize = blockSizeTokens;
    this.#pool = pool;
    this.#decodes = decodes;
  }

  /** A request joins the decodes. */
  add(sequence: MacroSequence): void {
    if (sequence.hashedBlocks > sequence.registered) this.#hashed.push(sequence);
  }

  /** A request leaves the decodes. */
  remove(sequence: MacroSequence): void {
    if (this.#hashed.length === 0) return;
    const at = this.#hashed.indexOf(sequence);
    if (at >= 0) this.#hashed.splice(at, 1);
  }

  /** Steps until a decode makes block `block` of the content of `chain` findable; Infinity when none will. */
  stepsUntil({ chain }: MacroSequence, block: number): number {
    const i = Math.floor(block / chain.blocksPerHash);
    let steps = Number.POSITIVE_INFINITY;
    for (const other of this.#hashed) {
      if (other.registered > block || other.hashedBlocks <= block || other.chain.hashes[i] !== chain.hashes[i])
        continue;
      steps = Math.min(steps, (block + 1) * this.#blockSize - this.#decodes.computedBy(other));
    }
    return steps;
  }

  /**
   * Allocates what the decodes need in `steps` steps, the first one's blocks being allocated already, and makes findable what
   * they and the chunks of `prefilling` fill. Before the decodes are advanced.
   */
  fill(steps: number, prefilling: readonly MacroSequence[]): void {
    if (this.#hashed.length > 0) {
      this.#fillInOrder(steps, prefilling);
      return;
    }
    for (const sequence of prefilling) this.#pool.register(sequence, this.#fullBlocks(sequence));
    this.#pool.allocate(this.#decodes.blocksNeeded(1, steps));
  }

  #fillInOrder(steps: number, prefilling: readonly MacroSequence[]): void {
    const fillings: Filling[] = prefilling.map((sequence) => ({
      step: 1,
      sequence,
      until: this.#fullBlocks(sequence),
    }));
    for (const sequence of this.#hashed) this.#listFillings(sequence, steps, fillings);
    fillings.sort((a, b) => a.step - b.step || a.sequence.order - b.sequence.order);
    let allocated = 1;
    for (const { step, sequence, until } of fillings) {
      this.#pool.allocate(this.#decodes.blocksNeeded(allocated, step));
      allocated = step;
      this.#pool.register(sequence, until);
    }
    this.#pool.allocate(this.#decodes.blocksNeeded(allocated, steps));
  }

  #listFillings(sequence: MacroSequence, steps: number, fillings: Filling[]): void {
    const computed = this.#decodes.computedBy(sequence);
    const full = Math.min(Math.floor((computed + steps) / this.#blockSize), sequence.hashedBlocks);
    for (let until = sequence.registered + 1; until <= full; until++) {
      fillings.push({ step: until * this.#blockSize - computed, sequence, until });
    }
  }

  #fullBlocks({ computed, chunk, hashedBlocks }: MacroSequence): number {
    return Math.min(Math.floor((computed + chunk) / this.#blockSize), hashedBlocks);
  }
}
