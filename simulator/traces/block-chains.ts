/** The chain before the first block of a prompt. */
export const rootBlock = 0;

const initialSlots = 1 << 12;
/** Contents below this that are whole numbers are looked up in a plain array. */
const maxDirect = 1 << 22;

/**
 * Gives ids to blocks by what they hold and by the blocks before them, so that equal ids mean equal prefixes whatever the ids
 * of a file mean. Ids count up from 1, in the order of their first use.
 */
export class BlockChains {
  /** Slot by hash; 0 is free, else an id. */
  #slots = new Uint32Array(initialSlots);
  /** By content: the id that it got first. Files number their blocks mostly from 0, each with one parent. */
  #direct = new Uint32Array(initialSlots);
  /** Ids that are in `#slots`. */
  #hashed = 0;
  /** By id. */
  #parents = new Uint32Array(initialSlots / 2);
  #contents = new Float64Array(initialSlots / 2);
  #count = 0;

  /** Ids given so far; the next block that is new gets `count + 1`. */
  get count(): number {
    return this.#count;
  }

  /** The id of the block that holds `content` (any number that is not NaN) after the block `parent`, `rootBlock` for none. */
  extend(parent: number, content: number): number {
    const isDirect = content >= 0 && content < maxDirect && Number.isInteger(content);
    if (isDirect) {
      const first = this.#direct[content] ?? 0;
      if (first === 0) return this.#storeDirect(parent, content);
      if (this.#parents[first] === parent) return first;
    }
    return this.#lookUp(parent, content);
  }

  #storeDirect(parent: number, content: number): number {
    if (content >= this.#direct.length) {
      this.#direct = enlarge(this.#direct, new Uint32Array(Math.min(maxDirect, 2 * (content + 1))));
    }
    const id = this.#store(parent, content);
    this.#direct[content] = id;
    return id;
  }

  #lookUp(parent: number, content: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashPair(parent, content) & mask;
    for (let id = this.#slots[slot] as number; id !== 0; id = this.#slots[slot] as number) {
      if (this.#parents[id] === parent && this.#contents[id] === content) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.#store(parent, content);
    this.#slots[slot] = id;
    if (2 * ++this.#hashed >= this.#slots.length) this.#grow();
    return id;
  }

  /** The id of a block that no other prompt has. */
  fresh(parent: number): number {
    return this.#store(parent, Number.NaN);
  }

  #store(parent: number, content: number): number {
    const id = ++this.#count;
    if (id >= this.#parents.length) {
      this.#parents = enlarge(this.#parents, new Uint32Array(2 * id));
      this.#contents = enlarge(this.#contents, new Float64Array(2 * id));
    }
    this.#parents[id] = parent;
    this.#contents[id] = content;
    return id;
  }

  #grow(): void {
    const slots = new Uint32Array(4 * this.#slots.length);
    const mask = slots.length - 1;
    for (const id of this.#slots) {
      if (id === 0) continue;
      let slot = hashPair(this.#parents[id] as number, this.#contents[id] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#slots = slots;
  }
}

function enlarge<Column extends Uint32Array | Float64Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

function hashPair(parent: number, content: number): number {
  const high = Math.floor(content / 4294967296) | 0;
  let mixed = Math.imul(parent, 0x9e3779b1) ^ Math.imul(content | 0, 0x85ebca77) ^ Math.imul(high, 0xc2b2ae3d);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
