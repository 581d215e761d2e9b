import { type Api, defaultParsers, selectApi } from "./apis.ts";
import { createChatCompletionsParser } from "./chat-completions.ts";
import { createCompletionsParser } from "./completions.ts";
import { createConversationsParser } from "./conversations.ts";
import { createEmbeddingsParser } from "./embeddings.ts";
import { createImagesParser } from "./images.ts";
import { JsonScanner } from "./json-scanner.ts";
import { describeProblem } from "./json-visitor.ts";
import { createMessagesParser } from "./messages.ts";
import type { BodyParser, BodyReader, ParsedBody } from "./parsed-body.ts";
import { createResponsesParser } from "./responses.ts";
import { createSglangGenerateParser } from "./sglang-generate.ts";
import { createVllmGenerateParser } from "./vllm-generate.ts";
import { createVllmGrpcReader } from "./vllm-grpc.ts";

/**
 * The reader for the API that `path` (the request target, query included) names among the parsers of the given types, in
 * the order of the config (protocol 3.2); undefined when no parser takes the path, which the default ones always do.
 */
export function createBodyReader(path: string): BodyReader;
export function createBodyReader(path: string, parsers: readonly string[]): BodyReader | undefined;
export function createBodyReader(path: string, parsers: readonly string[] = defaultParsers): BodyReader | undefined {
  const api = selectApi(path, parsers);
  if (api === undefined) return undefined;
  if (api === "vllm-grpc-generate" || api === "vllm-grpc-embed") return createVllmGrpcReader(api);
  const createParser = jsonParsers.get(api);
  return createParser === undefined ? createOpaqueReader(api) : createJsonReader(api, createParser());
}

const jsonParsers: ReadonlyMap<Api, () => BodyParser> = new Map([
  ["completions", createCompletionsParser],
  ["chat-completions", createChatCompletionsParser],
  ["embeddings", createEmbeddingsParser],
  ["responses", createResponsesParser],
  ["conversations", createConversationsParser],
  ["images", createImagesParser],
  ["messages", createMessagesParser],
  ["vllm-generate", createVllmGenerateParser],
  ["sglang-generate", createSglangGenerateParser],
]);

/** Counts the bytes: all that is known of such a prompt is its size. */
function createOpaqueReader(api: Api): BodyReader {
  let promptBytes = 0;
  return {
    api,
    push: (chunk) => {
      promptBytes += chunk.length;
      return true;
    },
    end: () => ({
      kind: "parsed",
      api,
      model: "",
      modelRange: undefined,
      streaming: false,
      maxOutputTokens: undefined,
      cacheSalt: "",
      prompt: new Uint8Array(0),
      promptBytes,
      segments: [],
    }),
  };
}

function createJsonReader(api: Api, parser: BodyParser): BodyReader {
  let rootProblem: ParsedBody | undefined;
  const scanner = new JsonScanner({
    object: () => parser.root,
    mismatch: (found, position) => {
      rootProblem = invalidJson(describeProblem({ position, expected: "an object", found }));
    },
  });
  return {
    api,
    push: (chunk) => scanner.push(chunk) && rootProblem === undefined,
    end: () => {
      if (rootProblem !== undefined) return rootProblem;
      const problem = scanner.end();
      if (problem !== undefined) return invalidJson(describeProblem(problem));
      // The last token may have ended only now.
      return rootProblem ?? parser.result();
    },
  };
}

/** The words before the position are those of the reference picker (protocol 1.6). */
function invalidJson(detail: string): ParsedBody {
  return { kind: "invalid", message: `error unmarshaling request bodyMap: ${detail}` };
}
