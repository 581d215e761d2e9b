import type { RequestKind } from "./inference-request.ts";

/** APIs that a request with a body may speak. */
export type Api = Exclude<RequestKind, "headers-only">;

/** Application protocols of a pool's `appProtocol` (protocol 7.2). */
export type AppProtocol = "http" | "kubernetes.io/h2c";

/** A parser type of the config and what it reads. */
export interface RequestParser {
  readonly type: string;
  /** Protocols it reads; empty: any. */
  readonly protocols: readonly AppProtocol[];
  /** Path ends it claims, whole segments; `*` is any one segment. None: it takes what no other parser claims. */
  readonly claims: readonly { readonly suffix: string; readonly api: Api }[];
}

const overHttp: readonly AppProtocol[] = ["http", "kubernetes.io/h2c"];

/** Every parser type (protocol 3.2). */
export const requestParsers: readonly RequestParser[] = [
  {
    type: "openai-parser",
    protocols: overHttp,
    claims: [
      { suffix: "chat/completions", api: "chat-completions" },
      { suffix: "completions", api: "completions" },
      { suffix: "embeddings", api: "embeddings" },
      { suffix: "responses", api: "responses" },
      { suffix: "conversations", api: "conversations" },
      { suffix: "chat/completions/render", api: "chat-completions" },
      { suffix: "completions/render", api: "completions" },
      { suffix: "images/generations", api: "images" },
    ],
  },
  {
    type: "anthropic-parser",
    protocols: overHttp,
    claims: [
      { suffix: "messages", api: "messages" },
      { suffix: "messages/count_tokens", api: "count-tokens" },
    ],
  },
  {
    type: "vllmhttp-parser",
    protocols: overHttp,
    claims: [{ suffix: "inference/v1/generate", api: "vllm-generate" }],
  },
  {
    type: "sglanghttp-parser",
    protocols: overHttp,
    claims: [{ suffix: "generate", api: "sglang-generate" }],
  },
  {
    type: "vllmgrpc-parser",
    protocols: ["kubernetes.io/h2c"],
    claims: [
      { suffix: "vllm.grpc.engine.VllmEngine/Generate", api: "vllm-grpc-generate" },
      { suffix: "vllm.grpc.engine.VllmEngine/Embed", api: "vllm-grpc-embed" },
      { suffix: "vllm.grpc.engine.VllmEngine/*", api: "vllm-grpc-other" },
    ],
  },
  { type: "passthrough-parser", protocols: [], claims: [] },
];

/** The parser types that are asked when a config lists none, in order (protocol 3.2). */
export const defaultParsers: readonly string[] = [
  "openai-parser",
  "anthropic-parser",
  "vllmhttp-parser",
  "passthrough-parser",
];

/**
 * Whether every parser of the given types reads the protocol that a pool asks for; a pool that asks for none matches, and so
 * does a parser without protocols (protocol 7.2).
 */
export function parsersRead(protocol: AppProtocol | undefined, types: readonly string[]): boolean {
  const listed = requestParsers.filter(({ type, protocols }) => types.includes(type) && protocols.length > 0);
  return protocol === undefined || listed.every(({ protocols }) => protocols.includes(protocol));
}

/**
 * The API of a request path among the parsers of the given types: the longest claimed suffix wins, of equal ones the
 * first; a suffix begins behind a `/` or is the whole path. Query, fragment and trailing slashes do not count. Without a
 * claim `passthrough` when one of the parsers claims nothing, else undefined: no parser takes the path.
 */
export function selectApi(path: string, types: readonly string[] = defaultParsers): Api | undefined {
  const { claims, fallback } = selectionOf(types);
  const bare = (path.split(/[?#]/, 1)[0] ?? "").replace(/\/+$/, "");
  return claims.find(({ suffix }) => endsWith(bare, suffix))?.api ?? fallback;
}

/** The claims of a list of parsers, longest first and of equal ones in the list's order. */
interface Selection {
  readonly claims: readonly { readonly suffix: string; readonly api: Api }[];
  readonly fallback: "passthrough" | undefined;
}

/** A list of parsers lives as long as its config, and every request asks for it. */
const selections = new WeakMap<readonly string[], Selection>();

function selectionOf(types: readonly string[]): Selection {
  const known = selections.get(types);
  if (known !== undefined) return known;
  const parsers = types.flatMap((type) => requestParsers.find((parser) => parser.type === type) ?? []);
  const claims = parsers.flatMap((parser) => parser.claims).toSorted((a, b) => b.suffix.length - a.suffix.length);
  const fallback = parsers.some((parser) => parser.claims.length === 0) ? "passthrough" : undefined;
  const selection: Selection = { claims, fallback };
  selections.set(types, selection);
  return selection;
}

/** Whether `path` ends with the segments of `suffix`; a last segment `*` stands for any one. */
function endsWith(path: string, suffix: string): boolean {
  if (suffix.endsWith("/*")) {
    const slash = path.lastIndexOf("/");
    return slash >= 0 && slash < path.length - 1 && endsWith(path.slice(0, slash), suffix.slice(0, -2));
  }
  return (
    path.endsWith(suffix) && (path.length === suffix.length || path.charAt(path.length - suffix.length - 1) === "/")
  );
}

/** What an API's request allows and how usage stands in its response. */
export interface ApiTraits {
  /**
   * Whether the model in the body can be replaced. "ignored" skips the whole step: the body is forwarded as it came, and
   * need not name a model (protocol 3.5).
   */
  readonly modelRewrite: "supported" | "ignored";
  /** Nobody reads the request's body: any encoding will do. */
  readonly isRequestOpaque: boolean;
  /** Where the response says what was used; "opaque": nobody reads the response (protocol 1.7, skip mode). */
  readonly response: ResponseDialect;
}

/** How usage stands in a response (protocol 3.4). */
export type ResponseDialect = "usage" | "meta-info" | "vllm-grpc-generate" | "vllm-grpc-embed" | "opaque";

const unread: ApiTraits = { modelRewrite: "ignored", isRequestOpaque: true, response: "opaque" };
const json: ApiTraits = { modelRewrite: "supported", isRequestOpaque: false, response: "usage" };

const traits: Readonly<Record<RequestKind, ApiTraits>> = {
  completions: json,
  "chat-completions": json,
  embeddings: json,
  responses: json,
  conversations: json,
  images: json,
  messages: json,
  "count-tokens": unread,
  "vllm-generate": json,
  "sglang-generate": { modelRewrite: "ignored", isRequestOpaque: false, response: "meta-info" },
  "vllm-grpc-generate": { modelRewrite: "ignored", isRequestOpaque: false, response: "vllm-grpc-generate" },
  "vllm-grpc-embed": { modelRewrite: "ignored", isRequestOpaque: false, response: "vllm-grpc-embed" },
  "vllm-grpc-other": unread,
  passthrough: unread,
  "headers-only": unread,
};

/** What holds for requests of a kind. */
export function traitsOf(kind: RequestKind): ApiTraits {
  return traits[kind];
}
