import { z } from "../../src/lib/schema.ts";
import { type ApiError, badRequest } from "./api-error.ts";

/** Which of the two OpenAI APIs a request uses. */
export type CompletionApi = "completions" | "chat-completions";

/** What the emulator needs of a completion request. */
export interface CompletionRequest {
  readonly api: CompletionApi;
  readonly model: string;
  /** The prompt as one text: 4 bytes of it are a token. */
  readonly prompt: string;
  /** Exact length of the output. */
  readonly maxTokens: number;
  readonly isStreamed: boolean;
  /** A streamed answer ends with a chunk that carries the usage. */
  readonly includeUsage: boolean;
  readonly cacheSalt: string;
}

/** OpenAI's default of `max_tokens`. */
const defaultMaxTokens = 16;

const tokenCount = z.int().min(1).nullish();

const common = {
  model: z.string(),
  max_tokens: tokenCount,
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.literal(1).nullish(),
  cache_salt: z.string().nullish(),
};

const completionsBody = z.looseObject({
  ...common,
  prompt: z.union([z.string(), z.array(z.int().min(0)).min(1), z.array(z.string()).length(1)]),
});

const contentPart = z.looseObject({ type: z.string(), text: z.string().optional() });

const chatBody = z.looseObject({
  ...common,
  max_completion_tokens: tokenCount,
  messages: z
    .array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(contentPart)]).nullish() }))
    .min(1),
  tools: z.array(z.unknown()).nullish(),
});

type ChatBody = z.infer<typeof chatBody>;

/** Reads a body; an ApiError names every field that is wrong. */
export function parseCompletionRequest(api: CompletionApi, body: string): CompletionRequest | ApiError {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    return badRequest(`Cannot read request body: ${(error as Error).message}, expected JSON`);
  }
  return api === "completions" ? fromCompletions(json) : fromChat(json);
}

function fromCompletions(json: unknown): CompletionRequest | ApiError {
  const { data, error } = completionsBody.safeParse(json);
  if (error !== undefined) return schemaError(error);
  return { api: "completions", ...commonFields(data), prompt: flattenPrompt(data.prompt) };
}

function fromChat(json: unknown): CompletionRequest | ApiError {
  const { data, error } = chatBody.safeParse(json);
  if (error !== undefined) return schemaError(error);
  const fields = commonFields(data);
  const maxTokens = data.max_completion_tokens ?? fields.maxTokens;
  return { api: "chat-completions", ...fields, maxTokens, prompt: flattenChat(data) };
}

type CommonBody = Pick<ChatBody, "model" | "max_tokens" | "stream" | "stream_options" | "cache_salt">;

function commonFields(data: CommonBody): Omit<CompletionRequest, "api" | "prompt"> {
  return {
    model: data.model,
    maxTokens: data.max_tokens ?? defaultMaxTokens,
    isStreamed: data.stream ?? false,
    includeUsage: data.stream_options?.include_usage ?? false,
    cacheSalt: data.cache_salt ?? "",
  };
}

function schemaError(error: z.ZodError): ApiError {
  const [first] = error.issues;
  const problems = error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  return badRequest(problems.join("; "), first === undefined ? null : String(first.path[0] ?? "body"));
}

/** Token ids become 4 letters each, so that they count as a token each. */
function flattenPrompt(prompt: string | number[] | string[]): string {
  if (typeof prompt === "string") return prompt;
  return prompt.map((part) => (typeof part === "string" ? part : part.toString(36).padStart(4, " "))).join("");
}

/**
 * Tools, then role and content of each message, then the role of the answer. The text of an answer sent back as the next
 * message of the assistant continues this text, so a conversation finds its own output in the cache.
 */
function flattenChat({ messages, tools }: ChatBody): string {
  const turns = messages.map(({ role, content }) => `${role}\n${flattenContent(content)}\n`);
  const toolText = tools === null || tools === undefined ? "" : JSON.stringify(tools);
  return `${toolText}${turns.join("")}assistant\n`;
}

function flattenContent(content: ChatBody["messages"][number]["content"]): string {
  if (typeof content === "string") return content;
  return (content ?? []).map((part) => part.text ?? JSON.stringify(part)).join("");
}
