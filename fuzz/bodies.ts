import assert from "node:assert/strict";
import type { Random } from "../src/lib/random.ts";
import { requestParsers } from "../src/request/apis.ts";
import { createBodyReader } from "../src/request/body-reader.ts";
import { requestLimits } from "../src/request/json-limits.ts";
import { JsonScanner } from "../src/request/json-scanner.ts";
import type { ParsedBody, ReadBody } from "../src/request/parsed-body.ts";
import { spliceModel } from "../src/request/splice-model.ts";
import { Counts } from "./counts.ts";
import { below, chance, cutAt, cuts, mutate, pick, some, toBytes, utf8 } from "./generate.ts";
import { jsonText, objectText, stringText } from "./json-text.ts";
import type { FuzzTarget } from "./target.ts";

interface BodyCase {
  readonly path: string;
  readonly body: string;
  readonly cuts: readonly number[];
  /** Model to put in the place of the body's. */
  readonly rename: string;
}

/** Stands in prompts; no message may repeat it. */
const canary = "CANARY";
const everyParser = requestParsers.map(({ type }) => type);
/** Paths whose bodies are JSON, each with the member that holds its prompt. */
const apis: readonly (readonly [path: string, prompt: string])[] = [
  ["/v1/completions", "prompt"],
  ["/v1/chat/completions", "messages"],
  ["/v1/embeddings", "input"],
  ["/v1/responses", "input"],
  ["/v1/conversations", "items"],
  ["/v1/images/generations", "prompt"],
  ["/v1/messages", "messages"],
  ["/inference/v1/generate", "token_ids"],
  ["/generate", "text"],
];
const names: readonly string[] = [
  "base",
  "adapter-1",
  "a,b",
  " a",
  "A",
  "\u0430dapter",
  "__proto__",
  '"',
  "\\",
  "\u0000",
  "m".repeat(300),
];

const counts = new Counts();

/**
 * Request bodies, whole and broken, cut anywhere: the scanner's verdict is that of JSON.parse over strict UTF-8 within the
 * limits, the reader's does not depend on the cuts, and a renamed body differs in its model alone.
 */
export const bodies: FuzzTarget<BodyCase> = { name: "bodies", generate, check, counts: counts.byName };

function generate(random: Random): BodyCase {
  const [path, field] = pick(random, apis);
  const text = chance(random, 0.02)
    ? deepText(random)
    : chance(random, 0.1)
      ? jsonText(random)
      : requestText(random, field);
  const body = chance(random, 0.3) ? mutate(random, utf8(text)) : utf8(text);
  return { path, body, cuts: cuts(random, body.length), rename: pick(random, names) };
}

/** Arrays and objects within one another, around the limit. */
function deepText(random: Random): string {
  const depth = requestLimits.depth - 4 + below(random, 8);
  const isObject = chance(random, 0.5);
  const [open, close] = isObject ? ['{"a":', "}"] : ["[", "]"];
  const inner = open.repeat(depth - 1) + (isObject ? "{}" : "[]") + close.repeat(depth - 1);
  return chance(random, 0.5) ? inner : `{"model":"base","prompt":"hi","x":${inner}}`;
}

/** A body that an API takes, or nearly. */
function requestText(random: Random, field: string): string {
  const members = [
    ...(chance(random, 0.9) ? [["model", stringText(random, pick(random, names))] as const] : []),
    ...(chance(random, 0.9) ? [[field, promptText(random, field)] as const] : []),
    ...some(random, 5, () => otherMember(random)),
  ];
  return objectText(random, chance(random, 0.5) ? members : members.toReversed());
}

function otherMember(random: Random): readonly [string, string] {
  const key = pick(random, [
    "stream",
    "max_tokens",
    "cache_salt",
    "system",
    "tools",
    "sampling_params",
    "extra",
    "__proto__",
  ]);
  switch (key) {
    case "stream":
      return [key, pick(random, ["true", "false", "null", "1"])];
    case "max_tokens":
      return [key, pick(random, ["5", "0", "-1", "1e9", "null"])];
    case "cache_salt":
      return [key, stringText(random, pick(random, names))];
    case "sampling_params":
      return [
        key,
        objectText(random, [
          ["max_tokens", "3"],
          ["max_new_tokens", "4"],
        ]),
      ];
    default:
      return [chance(random, 0.1) ? pick(random, ["model", "prompt", "messages", "stream"]) : key, jsonText(random, 2)];
  }
}

function promptText(random: Random, field: string): string {
  const text = (): string => stringText(random, `${canary} ${pick(random, names)}`);
  const tokens = (): string => `[${[1, ...some(random, 6, () => below(random, 100_000))].join(",")}]`;
  if (field === "token_ids") return tokens();
  if (field === "messages" || field === "items" || chance(random, 0.2)) return messagesText(random, text);
  return pick(random, [text, tokens, () => `[${text()},${text()}]`, () => `[${tokens()},${tokens()}]`])();
}

function messagesText(random: Random, text: () => string): string {
  const block = (): string =>
    objectText(random, [
      ["type", '"text"'],
      ["text", text()],
    ]);
  const content = (): string =>
    pick(random, [
      text,
      text,
      () => `[${[block(), ...some(random, 3, block)].join(",")}]`,
      () => jsonText(random, 2),
    ])();
  const role = (): string => pick(random, ['"user"', '"system"', '"assistant"']);
  const message = (): string =>
    objectText(random, [
      ["role", role()],
      ["content", content()],
    ]);
  return `[${[message(), ...some(random, 4, message)].join(",")}]`;
}

function check({ path, body, cuts: at, rename }: BodyCase): void {
  const bytes = toBytes(body);
  const pieces = cutAt(body, at).map(toBytes);
  const value = parseStrictly(bytes);
  const isWithin = value !== undefined && depthOf(value.json) <= requestLimits.depth;
  const isAccepted = scan(pieces);
  // A key that hides in a repeated member is not in the parsed value, so a refusal for depth cannot be told from it.
  if (isAccepted !== isWithin && !(value !== undefined && !isAccepted && hasRepeatedKey(body)))
    assert.fail(`scanner verdict ${isAccepted}, JSON.parse within limits ${isWithin}`);
  const parsed = read(path, pieces);
  assert.deepEqual(parsed, read(path, [bytes]), "verdict depends on the cuts");
  if (parsed.kind === "invalid") {
    counts.add("refused");
    assert.ok(!parsed.message.includes(canary), "message repeats the prompt");
    return;
  }
  counts.add("read");
  assert.ok(isAccepted, "reader took what the scanner refuses");
  checkFields(parsed, value?.json as Record<string, unknown>);
  checkSplice(parsed, pieces, bytes, rename);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
}

function scan(pieces: readonly Uint8Array[]): boolean {
  const scanner = new JsonScanner(undefined);
  for (const piece of pieces) scanner.push(piece);
  return scanner.end() === undefined;
}

function read(path: string, pieces: readonly Uint8Array[]): ParsedBody {
  const reader = createBodyReader(path, everyParser);
  assert.ok(reader);
  for (const piece of pieces) if (!reader.push(piece)) break;
  return reader.end();
}

function checkFields(parsed: ReadBody, json: Record<string, unknown>): void {
  if (parsed.model !== "") assert.equal(parsed.model, json["model"], "model is not that of JSON.parse");
  assert.ok(parsed.prompt.length <= parsed.promptBytes, "more prompt than there is");
  if (parsed.segments.length > 0)
    assert.equal(parsed.segments.at(-1), parsed.promptBytes, "segments do not end with the prompt");
  const bound = parsed.maxOutputTokens;
  assert.ok(bound === undefined || (Number.isSafeInteger(bound) && bound >= 0), "illegal bound of tokens");
}

function checkSplice(parsed: ReadBody, pieces: readonly Uint8Array[], bytes: Buffer, rename: string): void {
  const { modelRange } = parsed;
  if (parsed.api === "sglang-generate") return;
  const renamed = Buffer.concat(spliceModel(pieces, modelRange, rename));
  const before = parseStrictly(bytes)?.json as Record<string, unknown>;
  const after = parseStrictly(renamed)?.json as Record<string, unknown>;
  assert.ok(after, "renamed body is no JSON");
  if (modelRange === undefined && Object.hasOwn(before, "model")) return;
  const want = Object.entries({ ...before, model: rename });
  assert.deepEqual(new Map(Object.entries(after)), new Map(want), "renamed body differs in more than its model");
  if (modelRange === undefined) return;
  const { start, end } = modelRange;
  assert.ok(renamed.subarray(0, start).equals(bytes.subarray(0, start)), "bytes before the model changed");
  const tail = bytes.length - end;
  assert.ok(renamed.subarray(renamed.length - tail).equals(bytes.subarray(end)), "bytes behind the model changed");
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function parseStrictly(bytes: Uint8Array): { json: unknown } | undefined {
  try {
    return { json: JSON.parse(strict.decode(bytes)) };
  } catch {
    return undefined;
  }
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** True when the text may name a member twice. */
function hasRepeatedKey(body: string): boolean {
  const found = [...body.matchAll(/"((?:[^"\\]|\\.)*)"\s*:/g)].map(([, key = ""]) => key);
  return new Set(found).size < found.length || found.some((key) => key.includes("\\"));
}
