import type { CompletionApi } from "./completion-request.ts";

/** What a finished answer counts. */
export interface Usage {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Prompt tokens that came from the prefix cache. */
  readonly cachedTokens: number;
}

/** Names every chunk and answer of one request carries. */
export interface ReplyIdentity {
  readonly id: string;
  /** Unix time in seconds. */
  readonly created: number;
  readonly model: string;
}

/** The fixed parts of a streamed answer; chunks are put together by joining text, because they are the hot path. */
export interface StreamFormat {
  /** Sent before the first token: the role of a chat answer, "" for completions. */
  readonly opening: string;
  /** Text before and after a token's text. */
  readonly beforeToken: string;
  readonly afterToken: string;
  /** Text after the text of the last token, whose chunk says that the length was reached. */
  readonly afterLastToken: string;
  /** The chunk with the usage. */
  usage(usage: Usage): string;
}

/** Ends every streamed answer. */
export const streamEnd = "data: [DONE]\n\n";

/** Formats a streamed answer as vLLM does. */
export function streamFormat(api: CompletionApi, identity: ReplyIdentity): StreamFormat {
  const object = api === "completions" ? "text_completion" : "chat.completion.chunk";
  const head = `data: ${openIdentity(identity, object)}`;
  const usage = (counts: Usage): string => `${head},"choices":[],"usage":${JSON.stringify(usageJson(counts))}}\n\n`;
  if (api === "completions") {
    return {
      opening: "",
      beforeToken: `${head},"choices":[{"index":0,"text":"`,
      afterToken: `","logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":null}\n\n`,
      afterLastToken: `","logprobs":null,"finish_reason":"length","stop_reason":null}],"usage":null}\n\n`,
      usage,
    };
  }
  const delta = `${head},"choices":[{"index":0,"delta":{`;
  return {
    opening: `${delta}"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n\n`,
    beforeToken: `${delta}"content":"`,
    afterToken: `"},"logprobs":null,"finish_reason":null}]}\n\n`,
    afterLastToken: `"},"logprobs":null,"finish_reason":"length","stop_reason":null}]}\n\n`,
    usage,
  };
}

/** The body of an answer that is not streamed. */
export function completeReply(api: CompletionApi, identity: ReplyIdentity, text: string, usage: Usage): string {
  const end = { logprobs: null, finish_reason: "length", stop_reason: null };
  const choice =
    api === "completions"
      ? { index: 0, text, ...end }
      : { index: 0, message: { role: "assistant", content: text, tool_calls: [] }, ...end };
  const object = api === "completions" ? "text_completion" : "chat.completion";
  return JSON.stringify({ ...identityJson(identity, object), choices: [choice], usage: usageJson(usage) });
}

function openIdentity(identity: ReplyIdentity, object: string): string {
  return JSON.stringify(identityJson(identity, object)).slice(0, -1);
}

function identityJson({ id, created, model }: ReplyIdentity, object: string): Record<string, unknown> {
  return { id, object, created, model };
}

function usageJson({ promptTokens, outputTokens, cachedTokens }: Usage): Record<string, unknown> {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + outputTokens,
    completion_tokens: outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
