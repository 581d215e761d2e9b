import type { ServerResponse } from "node:http";
import type { ReplicaEvent } from "../replica/events.ts";
import type { CompletionRequest } from "./completion-request.ts";
import { outputText, outputToken } from "./output-text.ts";
import {
  completeReply,
  type ReplyIdentity,
  type StreamFormat,
  streamEnd,
  streamFormat,
  type Usage,
} from "./reply-format.ts";

/** Writes one answer as its tokens come. */
export interface Reply {
  token(event: ReplicaEvent): void;
}

/** What an answer is made from. */
export interface ReplySource {
  readonly request: CompletionRequest;
  readonly identity: ReplyIdentity;
  readonly promptTokens: number;
  /** Word the output starts with. */
  readonly firstWord: number;
}

/** Sends the status line at once and every token in a chunk of its own. */
export function startStreamedReply(response: ServerResponse, source: ReplySource): Reply {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  response.flushHeaders();
  return new StreamedReply(response, source);
}

class StreamedReply implements Reply {
  readonly #response: ServerResponse;
  readonly #source: ReplySource;
  readonly #format: StreamFormat;

  constructor(response: ServerResponse, source: ReplySource) {
    this.#response = response;
    this.#source = source;
    this.#format = streamFormat(source.request.api, source.identity);
  }

  token(event: ReplicaEvent): void {
    const { opening, beforeToken, afterToken, afterLastToken } = this.#format;
    const text = outputToken(this.#source.firstWord, event.index);
    const start = event.index === 0 ? opening : "";
    if (!event.isLast) {
      this.#response.write(`${start}${beforeToken}${text}${afterToken}`, "latin1");
      return;
    }
    this.#response.end(`${start}${beforeToken}${text}${afterLastToken}${this.#usage(event)}${streamEnd}`, "latin1");
  }

  #usage(event: ReplicaEvent): string {
    return this.#source.request.includeUsage ? this.#format.usage(usageOf(this.#source, event)) : "";
  }
}

/** Sends one JSON body after the last token. */
export function startCompleteReply(response: ServerResponse, source: ReplySource): Reply {
  return {
    token: (event) => {
      if (!event.isLast) return;
      const { request, identity, firstWord } = source;
      const text = outputText(firstWord, event.index + 1);
      const body = completeReply(request.api, identity, text, usageOf(source, event));
      response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
      response.end(body);
    },
  };
}

function usageOf(source: ReplySource, event: ReplicaEvent): Usage {
  return { promptTokens: source.promptTokens, outputTokens: event.index + 1, cachedTokens: event.cachedTokens };
}
