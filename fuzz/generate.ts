import type { Random } from "../src/lib/random.ts";

/** A whole number from 0 to `count` - 1. */
export function below(random: Random, count: number): number {
  return Math.floor(random() * count);
}

/** True in `share` of the calls. */
export function chance(random: Random, share: number): boolean {
  return random() < share;
}

/** One of `list`, which is not empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[below(random, list.length)] as T;
}

/** Up to `most` things that `make` makes, few more often than many. */
export function some<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: Math.floor(random() * random() * (most + 1)) }, make);
}

/** Bytes as text of one character a byte, as cases hold them, since JSON has no bytes. */
export function toBytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** The text of bytes; see toBytes. */
export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The UTF-8 bytes of `text`; see toBytes. */
export function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** `text` cut into pieces at `cuts`, taken modulo its length; empty pieces included. */
export function cutAt(text: string, cuts: readonly number[]): string[] {
  const offsets = cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b);
  return [...offsets, text.length].map((to, index) => text.slice(index === 0 ? 0 : offsets[index - 1], to));
}

/** Up to `most` places to cut a text of `length`. */
export function cuts(random: Random, length: number, most = 8): number[] {
  return some(random, most, () => below(random, length + 1));
}

/** Pieces that break parsers; `mutate` puts them in. */
const nasty: readonly string[] = [
  ...Array.from('\0\n\r\t "\\{}[]:,#=/-+.e0'),
  "\\u",
  "\\ud83d",
  "null",
  "NaN",
  "1e999",
  "-0",
  "\xef\xbb\xbf",
  "\xff",
  "\x80",
  "\xc0\x80",
  "\xed\xa0\x80",
  "\xf4\x90\x80\x80",
  "__proto__",
  "99999999999999999999",
  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
];

/** `text` with up to `most` changes: parts left out, doubled, swapped, replaced, bytes flipped, nasty pieces put in. */
export function mutate(random: Random, text: string, most = 3): string {
  let mutated = text;
  for (let change = 1 + below(random, most); change > 0; change--) mutated = mutateOnce(random, mutated);
  return mutated;
}

function mutateOnce(random: Random, text: string): string {
  const from = below(random, text.length + 1);
  const to = Math.min(text.length, from + 1 + below(random, chance(random, 0.8) ? 4 : text.length + 1));
  const [before, part, after] = [text.slice(0, from), text.slice(from, to), text.slice(to)];
  switch (below(random, 6)) {
    case 0:
      return before + after;
    case 1:
      return before + part + part + after;
    case 2:
      return (
        before + String.fromCharCode((text.charCodeAt(from) || 0) ^ (1 << below(random, 8))) + text.slice(from + 1)
      );
    case 3:
      return before + String.fromCharCode(below(random, 256)) + after;
    case 4: {
      const at = below(random, text.length + 1);
      return before + text.slice(at, at + part.length) + after;
    }
    default:
      return before + pick(random, nasty) + text.slice(from);
  }
}
