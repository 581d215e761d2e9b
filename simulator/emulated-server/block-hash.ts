/** Two 32-bit lanes of a chained hash. */
interface Lanes {
  high: number;
  low: number;
}

/**
 * Chain of block hashes over `text` as UTF-8: entry i covers the bytes 0 to (i + 1)·blockBytes, and only full blocks have
 * one. `seed` separates what must never share blocks (adapter, cache salt). Whole numbers from 1 to 2^53 - 1.
 */
export function blockHashes(text: string, blockBytes: number, seed: string): Float64Array {
  const lanes: Lanes = { high: 0x9e3779b9, low: 0x243f6a88 };
  const seedWords = toWords(seed);
  mixWords(lanes, seedWords, 0, seedWords.length);
  mixWord(lanes, seed.length);
  const words = toWords(text);
  const wordsPerBlock = blockBytes / 4;
  const chain = new Float64Array(Math.floor(Buffer.byteLength(text) / blockBytes));
  for (let i = 0; i < chain.length; i++) {
    mixWords(lanes, words, i * wordsPerBlock, (i + 1) * wordsPerBlock);
    chain[i] = digest(lanes);
  }
  return chain;
}

/** UTF-8 bytes of `text` as 32-bit words, the last one filled up with zeros. */
function toWords(text: string): Uint32Array {
  const words = new Uint32Array(Math.ceil(Buffer.byteLength(text) / 4));
  Buffer.from(words.buffer).write(text, "utf8");
  return words;
}

function mixWords(lanes: Lanes, words: Uint32Array, from: number, to: number): void {
  let { high, low } = lanes;
  for (let i = from; i < to; i++) {
    const word = words[i] ?? 0;
    high = Math.imul(high ^ word, 0x85ebca6b);
    high = (high << 13) | (high >>> 19);
    low = Math.imul((low + word) ^ (high >>> 7), 0xc2b2ae35);
    low = (low << 11) | (low >>> 21);
  }
  lanes.high = high;
  lanes.low = low;
}

function mixWord(lanes: Lanes, word: number): void {
  mixWords(lanes, Uint32Array.of(word), 0, 1);
}

/** 53 bits of both lanes after a last mixing; the lanes themselves go on unchanged. */
function digest({ high, low }: Lanes): number {
  let upper = Math.imul(high ^ (high >>> 16) ^ low, 0x21f0aaad);
  upper ^= upper >>> 15;
  let lower = Math.imul(low ^ (low >>> 16), 0x735a2d97) + upper;
  lower ^= lower >>> 15;
  const hash = (upper >>> 11) * 2 ** 32 + (lower >>> 0);
  return hash === 0 ? 1 : hash;
}
