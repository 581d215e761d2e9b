import type { Random } from "../src/lib/random.ts";
import { below, chance, pick, some } from "./generate.ts";

const words: readonly string[] = [
  "",
  "a",
  "user",
  "h\u00e9llo",
  "\u4f60\u597d",
  "\ud83d\ude00",
  "\\",
  '"',
  "\u0000",
  "\u2028",
  "a b,c",
  "\ud800",
];
const keys: readonly string[] = [
  "a",
  "model",
  "prompt",
  "stream",
  "messages",
  "role",
  "content",
  "type",
  "text",
  "usage",
  "__proto__",
  "constructor",
  "toString",
  "",
];
const numbers: readonly string[] = [
  "0",
  "-0",
  "1",
  "17",
  "-1",
  "1.5",
  "1e3",
  "1E-3",
  "1e400",
  "9007199254740993",
  "123456789012345678901234567890",
];

/** Text of a random JSON value, `depth` levels at most. Members may repeat, white space may stand anywhere. */
export function jsonText(random: Random, depth = 4): string {
  const kind = below(random, depth > 0 ? 8 : 5);
  if (kind <= 1) return stringText(random, pick(random, words));
  if (kind === 2) return pick(random, numbers);
  if (kind <= 4) return pick(random, ["true", "false", "null"]);
  const space = chance(random, 0.1) ? pick(random, [" ", "\n", "\t\r"]) : "";
  const inner = (): string => space + jsonText(random, depth - 1);
  if (kind === 5) return `[${some(random, 5, inner).join(",")}${space}]`;
  return objectText(
    random,
    some(random, 5, () => [pick(random, keys), inner()] as const),
  );
}

/** Text of an object with these members, in this order; values are JSON texts. */
export function objectText(random: Random, members: readonly (readonly [key: string, value: string])[]): string {
  const space = chance(random, 0.1) ? " " : "";
  return `{${members.map(([key, value]) => `${space}${stringText(random, key)}${space}:${value}`).join(",")}${space}}`;
}

/** Text of a string, now and then with characters escaped that need not be. */
export function stringText(random: Random, text: string): string {
  const plain = JSON.stringify(text);
  if (plain.includes("\\") || !chance(random, 0.15)) return plain;
  return plain.replaceAll(/[a-z]/g, (letter) =>
    chance(random, 0.3) ? `\\u00${letter.charCodeAt(0).toString(16)}` : letter,
  );
}
