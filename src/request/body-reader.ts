import { createChatCompletionsParser } from "./chat-completions.ts";
import { createCompletionsParser } from "./completions.ts";
import { JsonScanner } from "./json-scanner.ts";
import { describeProblem } from "./json-visitor.ts";
import type { BodyParser, ParsedBody } from "./parsed-body.ts";

/** The APIs whose bodies are understood; `passthrough` stands for all others. */
export type Api = "completions" | "chat-completions" | "passthrough";

/** Path suffixes that an API claims (protocol 3.2). */
const claims: readonly { readonly suffix: string; readonly api: Api }[] = [
  { suffix: "chat/completions", api: "chat-completions" },
  { suffix: "completions", api: "completions" },
];

/**
 * The API of a request path: the longest claimed suffix that begins behind a `/` (or is the whole path); query,
 * fragment and trailing slashes do not count. `passthrough` when none is claimed.
 */
export function selectApi(path: string): Api {
  const bare = (path.split(/[?#]/, 1)[0] ?? "").replace(/\/+$/, "");
  const [longest] = claims
    .filter(({ suffix }) => bare === suffix || bare.endsWith(`/${suffix}`))
    .sort((a, b) => b.suffix.length - a.suffix.length);
  return longest?.api ?? "passthrough";
}

/** Reads one request body, piece by piece, without keeping it. */
export interface BodyReader {
  readonly api: Api;
  /** Takes the next piece, cut anywhere. False once the body is known to be invalid; later pieces are then ignored. */
  push(chunk: Uint8Array): boolean;
  /** Ends the body and says what was understood. To be called once. */
  end(): ParsedBody;
}

/** The reader for the API that `path` (the request target, query included) names. */
export function createBodyReader(path: string): BodyReader {
  const api = selectApi(path);
  switch (api) {
    case "completions":
      return createJsonReader(api, createCompletionsParser());
    case "chat-completions":
      return createJsonReader(api, createChatCompletionsParser());
    case "passthrough":
      return { api, push: () => true, end: () => passthroughBody };
  }
}

const passthroughBody: ParsedBody = {
  kind: "parsed",
  api: "passthrough",
  model: "",
  modelRange: undefined,
  streaming: false,
  maxOutputTokens: undefined,
  cacheSalt: "",
  prompt: new Uint8Array(0),
  promptBytes: 0,
  segments: [],
};

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
    push: (chunk) => scanner.push(chunk),
    end: () => {
      const problem = scanner.end();
      if (problem !== undefined) return invalidJson(describeProblem(problem));
      return rootProblem ?? parser.result();
    },
  };
}

/** The words before the position are those of the reference picker (protocol 1.6). */
function invalidJson(detail: string): ParsedBody {
  return { kind: "invalid", message: `error unmarshaling request bodyMap: ${detail}` };
}
