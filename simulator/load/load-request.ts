/** One message of a chat. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What the client says: a chat, or a bare prompt. */
export type Prompt =
  | { readonly api: "chat-completions"; readonly messages: readonly ChatMessage[] }
  | { readonly api: "completions"; readonly text: string };

/** One request of a load, as plain data. */
export interface LoadRequest {
  /** Place in the load, from 0. */
  readonly id: number;
  /** When it is to be sent, in ms from the start of the load; latency counts from here. */
  readonly arrivalMs: number;
  /** The base model or an adapter. */
  readonly model: string;
  /** LoRA adapter asked for; undefined asks for the base model. */
  readonly adapter: string | undefined;
  readonly prompt: Prompt;
  /** Tokens to generate, exactly: the emulated servers generate `max_tokens`. */
  readonly outputTokens: number;
}

/** Path that the request is posted to. */
export function requestPath({ prompt }: LoadRequest): string {
  return prompt.api === "completions" ? "/v1/completions" : "/v1/chat/completions";
}

/** JSON body of the request: always streamed, with the usage in the last chunk. */
export function requestBody({ model, prompt, outputTokens }: LoadRequest): string {
  const content = prompt.api === "completions" ? { prompt: prompt.text } : { messages: prompt.messages };
  const streaming = { stream: true, stream_options: { include_usage: true } };
  return JSON.stringify({ model, ...content, max_tokens: outputTokens, ...streaming });
}
