import { controlHeaderNames, destinationHeader, routingHeaderNames } from "../request/control-headers.ts";
import { bodyOf, type Forward, type Reject, statusOf } from "../routing/decision.ts";
import type { HeaderPairs } from "../scheduling/roles.ts";
import { sliceBody } from "./body-buffer.ts";
import type { HeaderList } from "./header-list.ts";
import type { MetadataValue, PickerMessage } from "./messages.ts";
import type { CompleteRequest } from "./pending-request.ts";

/** Namespace of the metadata that repeats the destination (protocol 2). */
const destinationNamespace = "envoy.lb";
const dropReasonHeader = "x-llm-d-request-dropped-reason";
/** Header on every response that went through the picker; clients and tests look for it (protocol 1.7). */
const seenHeader = "x-went-into-resp-headers";

/** Names that no model server shall see from a client. */
const removedNames: readonly string[] = [...controlHeaderNames, ...routingHeaderNames];

/**
 * What a decision was taken on: the headers alone, the last byte of a full-duplex body (in a body message or before the
 * trailers), or the one body message of a host that buffers.
 */
export type DecisionPoint = "headers" | "body" | "trailers" | "buffered-body";

/**
 * Answers of the request phase for a decision to forward. Full duplex: headers, then the body, then the trailers when they
 * ended it. A buffering host has its headers answered already: destination and metadata go on the answer to the body. Only
 * what changes is sent: the destination, a generated request id, a content length the client had sent.
 */
export function forwardReply(
  decision: Forward,
  complete: CompleteRequest,
  headers: HeaderList,
  end: DecisionPoint,
): PickerMessage[] {
  const routing = {
    mutation: { set: changedHeaders(decision, complete, headers, end), remove: removedHeaders(decision, headers) },
    clearRouteCache: true,
    dynamicMetadata: { [destinationNamespace]: destinationMetadata(decision) },
  };
  if (end === "buffered-body") {
    const body = complete.isRewritten ? { body: Buffer.concat(complete.body) } : {};
    return [{ kind: "body", phase: "request", ...routing, ...body }];
  }
  const messages: PickerMessage[] = [{ kind: "headers", phase: "request", ...routing }];
  if (end === "headers") return messages;
  messages.push(...bodyReply("request", complete.body, end === "body"));
  if (end === "trailers") messages.push({ kind: "trailers", phase: "request" });
  return messages;
}

/** Header and metadata must be equal (protocol 2); scores stand beside. */
function destinationMetadata({ destination, scores }: Forward): Record<string, MetadataValue> {
  if (scores === undefined) return { [destinationHeader]: destination };
  return { [destinationHeader]: destination, [`${destinationHeader}-scores`]: { ...scores } };
}

function changedHeaders(
  decision: Forward,
  complete: CompleteRequest,
  headers: HeaderList,
  end: DecisionPoint,
): [string, string][] {
  const changed: [string, string][] = [[destinationHeader, decision.destination]];
  for (const [name, value] of decision.headers) changed.push([name, value]);
  const { requestId } = complete.request;
  if (headers.get("x-request-id") !== requestId) changed.push(["x-request-id", requestId]);
  // A body that the host holds keeps its length unless we replace it; Envoy compares the two then.
  const isOurs = end === "body" || end === "trailers" || complete.isRewritten;
  if (isOurs && headers.has("content-length") && complete.bodyBytes > 0) {
    changed.push(["content-length", String(complete.bodyBytes)]);
  }
  return changed;
}

function removedHeaders(decision: Forward, headers: HeaderList): string[] {
  const set = new Set([destinationHeader, ...decision.headers.map(([name]) => name)]);
  return removedNames.filter((name) => !set.has(name) && headers.has(name));
}

/** A body as answers of at most 62,000 bytes; the last one ends the stream when `endOfStream`. */
export function bodyReply(
  phase: "request" | "response",
  chunks: readonly Uint8Array[],
  endOfStream: boolean,
): PickerMessage[] {
  const slices = sliceBody(chunks);
  return slices.map((body, index) => ({
    kind: "streamed-body",
    phase,
    body,
    endOfStream: endOfStream && index === slices.length - 1,
  }));
}

/** Answer to the response's headers; `added` are set on it. A content length is taken away where the body may change on its way. */
export function responseHeadersReply(isBodyChanged: boolean, added: HeaderPairs = []): PickerMessage {
  return {
    kind: "headers",
    phase: "response",
    mutation: { set: [[seenHeader, "true"], ...added], remove: isBodyChanged ? ["content-length"] : [] },
  };
}

/** The picker's own answer to the client. */
export function rejectReply(refusal: Reject): PickerMessage {
  return {
    kind: "immediate",
    status: statusOf(refusal),
    headers: [["content-type", "text/plain"], [dropReasonHeader, refusal.reason], ...retryAfter(refusal)],
    body: bodyOf(refusal),
    details: refusal.reason.replaceAll("-", "_"),
  };
}

function retryAfter({ retryAfterSeconds }: Reject): [string, string][] {
  return retryAfterSeconds === undefined ? [] : [["retry-after", String(retryAfterSeconds)]];
}
