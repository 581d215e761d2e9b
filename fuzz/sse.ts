import assert from "node:assert/strict";
import type { Random } from "../src/lib/random.ts";
import { ModelRestorer } from "../src/request/restore-model.ts";
import { createUsageReader, type Usage } from "../src/request/response-usage.ts";
import { mergeUsage, readUsageBlock } from "../src/request/usage.ts";
import { Counts } from "./counts.ts";
import { below, chance, cutAt, cuts, fromBytes, mutate, pick, some, toBytes, utf8 } from "./generate.ts";
import { jsonText, objectText } from "./json-text.ts";
import type { FuzzTarget } from "./target.ts";

type Dialect = Parameters<typeof createUsageReader>[0];

interface ResponseCase {
  readonly dialect: Dialect;
  readonly format: "json" | "sse";
  readonly body: string;
  readonly cuts: readonly number[];
  /** The model's name in the response, and the name the client knows. */
  readonly target: string;
  readonly model: string;
}

const dialects: readonly Dialect[] = ["usage", "usage", "usage", "meta-info", "vllm-grpc-generate", "vllm-grpc-embed"];
const names: readonly string[] = ["base", "target", "t", "a/b", '"', "mod", "model", '"model":"t"', "\u4f60"];

const counts = new Counts();

/**
 * Responses cut anywhere: the usage read is that of the response in one piece, and for whole JSON that of JSON.parse; the
 * restored bytes are those of a plain replacement, of which every piece lets a beginning out.
 */
export const sse: FuzzTarget<ResponseCase> = { name: "sse", generate, check, counts: counts.byName };

function generate(random: Random): ResponseCase {
  const [dialect, format] = [pick(random, dialects), chance(random, 0.75) ? ("sse" as const) : ("json" as const)];
  const [target, model] = [pick(random, names), pick(random, names)];
  const text = dialect.startsWith("vllm-grpc")
    ? frames(random)
    : utf8(format === "json" ? eventText(random, target) : stream(random, target));
  const body = chance(random, 0.4) ? mutate(random, text) : text;
  return { dialect, format, body, cuts: cuts(random, body.length, 12), target, model };
}

function stream(random: Random, target: string): string {
  const end = pick(random, ["\n\n", "\n\n", "\r\n\r\n", "\n"]);
  const event = (): string =>
    pick(random, ["", "", ": comment\n", "event: message_delta\n"]) +
    pick(random, ["data: ", "data: ", "data:", " data: "]) +
    eventText(random, target);
  return [...some(random, 8, event), ...(chance(random, 0.5) ? ["data: [DONE]"] : [])]
    .map((line) => line + end)
    .join("");
}

function eventText(random: Random, target: string): string {
  const space = chance(random, 0.2) ? " " : "";
  const name = chance(random, 0.8) ? target : pick(random, names);
  const model = `"model":${space}${JSON.stringify(name)}`;
  const usage = usageText(random);
  const members = [
    `"id":"cmpl-1"`,
    ...(chance(random, 0.7) ? [model] : []),
    ...(chance(random, 0.5) ? [`"usage":${space}${usage}`] : []),
    ...(chance(random, 0.2)
      ? [
          `"meta_info":{"finish_reason":${pick(random, ["null", '"stop"', "{}"])},"prompt_tokens":3,"completion_tokens":${below(random, 9)}}`,
        ]
      : []),
    ...(chance(random, 0.2) ? [`"type":"message_start","message":{${model},"usage":${usage}}`] : []),
    ...(chance(random, 0.1) ? [`"type":"response.completed","response":{"usage":${usage}}`] : []),
    ...(chance(random, 0.3) ? [`"choices":${jsonText(random, 2)}`] : []),
  ];
  return `{${members.join(",")}}`;
}

function usageText(random: Random): string {
  if (chance(random, 0.3)) return pick(random, ["null", "{}", "[]", "7"]);
  const count = (): string => pick(random, ["0", "7", "17", '"9"', "-1", "1e99", "9007199254740993", "null", "1.5"]);
  const key = (): string =>
    pick(random, [
      "prompt_tokens",
      "completion_tokens",
      "total_tokens",
      "input_tokens",
      "output_tokens",
      "cache_read_input_tokens",
      "prompt_tokens_details",
    ]);
  return objectText(
    random,
    some(random, 6, () => [key(), chance(random, 0.1) ? '{"cached_tokens":2}' : count()] as const),
  );
}

/** gRPC frames: flags, length, a message with a few small fields. */
function frames(random: Random): string {
  const varint = (field: number): string => String.fromCharCode(field * 8, below(random, 128));
  const nested = (field: number, inner: string): string => String.fromCharCode(field * 8 + 2, inner.length) + inner;
  const inner = (): string => some(random, 6, () => varint(1 + below(random, 9))).join("");
  const message = (): string => some(random, 3, () => nested(1 + below(random, 4), inner())).join("") + inner();
  return some(random, 4, () => {
    const text = message();
    return `\0\0\0\0${String.fromCharCode(text.length)}${text}`;
  }).join("");
}

function check({ dialect, format, body, cuts: at, target, model }: ResponseCase): void {
  const pieces = cutAt(body, at).map(toBytes);
  const usage = usageOf(dialect, format, pieces);
  assert.deepEqual(usage, usageOf(dialect, format, [toBytes(body)]), "usage depends on the cuts");
  if (usage !== undefined) {
    counts.add("with usage");
    for (const tokens of Object.values(usage))
      assert.ok(
        tokens === undefined || (Number.isSafeInteger(tokens) && tokens >= 0),
        `illegal count ${String(tokens)}`,
      );
  }
  if (dialect === "usage" && format === "json")
    assert.deepEqual(usage, usageOfWhole(toBytes(body)), "usage is not that of JSON.parse");
  checkRestored(body, pieces, target, model);
}

function usageOf(dialect: Dialect, format: "json" | "sse", pieces: readonly Buffer[]): Usage | undefined {
  const reader = createUsageReader(dialect, format);
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return reader.usage;
}

function usageOfWhole(bytes: Buffer): Usage | undefined {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const block = readUsageBlock((value as Record<string, unknown>)["usage"]);
    return block === undefined ? undefined : mergeUsage(undefined, block);
  } catch {
    return undefined;
  }
}

function checkRestored(body: string, pieces: readonly Buffer[], target: string, model: string): void {
  const want = restored(body, target, model);
  const restorer = new ModelRestorer(target, model);
  let out = "";
  for (const piece of pieces) {
    out += fromBytes(restorer.push(piece));
    assert.ok(want.startsWith(out), "a piece went out that does not belong there");
  }
  out += fromBytes(restorer.end());
  assert.equal(out, want, "restored bytes are not those of a plain replacement");
  if (want !== body) counts.add("restored");
}

/** A plain replacement over the whole response; see ModelRestorer. */
export function restored(body: string, target: string, model: string): string {
  if (target === "" || model === "" || target === model) return body;
  const needle = utf8(JSON.stringify(target)).replaceAll(/[^\w]/g, "\\$&");
  return body.replaceAll(
    new RegExp(`("model": ?)${needle}`, "g"),
    (_all, key: string) => key + utf8(JSON.stringify(model)),
  );
}
