import { assertNever } from "../../lib/assert-never.ts";
import type { HeaderMutation, Metadata, MetadataValue, Phase, PickerMessage } from "../messages.ts";
import { ReverseWriter, varintLength, writeVarint } from "./reverse-writer.ts";

const writer = new ReverseWriter();

/** Field numbers of the `response` oneof, by phase. */
const headersField = { request: 1, response: 2 } as const;
const bodyField = { request: 3, response: 4 } as const;
const trailersField = { request: 5, response: 6 } as const;

/** Writes one `ProcessingResponse` (protos/envoy/service/ext_proc/v3) as the host reads it. */
export function encodeProcessingResponse(message: PickerMessage): Buffer {
  switch (message.kind) {
    case "streamed-body":
      return encodeStreamedBody(message);
    case "headers":
    case "body":
      encodeCommon(message);
      return writer.finish();
    case "trailers":
      if (message.dynamicMetadata !== undefined) writeMetadata(message.dynamicMetadata);
      writer.message(trailersField[message.phase], () => {});
      return writer.finish();
    case "immediate":
      encodeImmediate(message);
      return writer.finish();
    default:
      return assertNever(message);
  }
}

/** HeadersResponse and BodyResponse: both hold one CommonResponse. */
function encodeCommon(message: PickerMessage & { kind: "headers" | "body" }): void {
  const { mutation, clearRouteCache } = message;
  const body = message.kind === "body" ? message.body : undefined;
  const field = message.kind === "body" ? bodyField[message.phase] : headersField[message.phase];
  if (message.dynamicMetadata !== undefined) writeMetadata(message.dynamicMetadata);
  writer.message(field, () => {
    if (mutation === undefined && clearRouteCache !== true && body === undefined) return;
    writer.message(1, () => {
      if (clearRouteCache === true) writer.varint(5, 1);
      if (body !== undefined) writer.message(3, () => writeBody(body));
      if (mutation !== undefined) writer.message(2, () => writeMutation(mutation));
    });
  });
}

/** BodyMutation{body | clear_body}: no bytes are said with `clear_body`. */
function writeBody(body: Uint8Array): void {
  if (body.length === 0) writer.varint(2, 1);
  else writer.bytes(1, body);
}

function encodeImmediate(message: PickerMessage & { kind: "immediate" }): void {
  writer.message(7, () => {
    if (message.details !== "") writer.text(5, message.details);
    if (message.body !== "") writer.text(3, message.body);
    writer.message(2, () => writeMutation({ set: message.headers, remove: [] }));
    writer.message(1, () => writer.varint(1, message.status));
  });
}

function writeMutation(mutation: HeaderMutation): void {
  for (let at = mutation.remove.length - 1; at >= 0; at--) writer.text(2, mutation.remove[at] as string);
  for (let at = mutation.set.length - 1; at >= 0; at--) {
    const [name, value] = mutation.set[at] as readonly [string, string];
    writer.message(1, () =>
      writer.message(1, () => {
        // Newer hosts read raw_value only, and both set is an error (reliability 1.1).
        if (value !== "") writer.text(3, value);
        writer.text(1, name);
      }),
    );
  }
}

/** `dynamic_metadata` is one Struct whose fields are the namespaces. */
function writeMetadata(metadata: Metadata): void {
  writer.message(8, () => writeFields(metadata));
}

function writeFields(fields: Record<string, MetadataValue>): void {
  const entries = Object.entries(fields);
  for (let at = entries.length - 1; at >= 0; at--) {
    const [key, value] = entries[at] as [string, MetadataValue];
    writer.message(1, () => {
      writer.message(2, () => writeValue(value));
      writer.text(1, key);
    });
  }
}

function writeValue(value: MetadataValue): void {
  if (value === null) writer.varint(1, 0);
  else if (typeof value === "number") writer.double(2, value);
  else if (typeof value === "string") writer.text(3, value);
  else if (typeof value === "boolean") writer.varint(4, value ? 1 : 0);
  else if (Array.isArray(value)) writer.message(6, () => writeList(value));
  else writer.message(5, () => writeFields(value));
}

function writeList(values: readonly MetadataValue[]): void {
  for (let at = values.length - 1; at >= 0; at--) {
    const value = values[at] as MetadataValue;
    writer.message(1, () => writeValue(value));
  }
}

/**
 * BodyResponse{response{body_mutation{streamed_response{body, end_of_stream}}}}: the message of the hot path, with its
 * sizes known ahead, so the body is copied once.
 */
function encodeStreamedBody(message: PickerMessage & { kind: "streamed-body" }): Buffer {
  const answer = encodeBodyAnswer(message.phase, message.body, message.endOfStream);
  if (message.dynamicMetadata === undefined) return answer;
  writeMetadata(message.dynamicMetadata);
  return Buffer.concat([answer, writer.finish()]);
}

function encodeBodyAnswer(phase: Phase, body: Uint8Array, endOfStream: boolean): Buffer {
  const bodyPart = body.length === 0 ? 0 : 1 + varintLength(body.length) + body.length;
  const streamed = bodyPart + (endOfStream ? 2 : 0);
  const mutation = 1 + varintLength(streamed) + streamed;
  const common = 1 + varintLength(mutation) + mutation;
  const answer = 1 + varintLength(common) + common;
  const message = Buffer.allocUnsafe(1 + varintLength(answer) + answer);
  let at = writeHead(message, 0, bodyField[phase], answer);
  at = writeHead(message, at, 1, common);
  at = writeHead(message, at, 3, mutation);
  at = writeHead(message, at, 3, streamed);
  if (body.length > 0) {
    at = writeHead(message, at, 1, body.length);
    message.set(body, at);
    at += body.length;
  }
  if (endOfStream) {
    message[at] = 0x10;
    message[at + 1] = 1;
  }
  return message;
}

function writeHead(message: Buffer, at: number, field: number, length: number): number {
  message[at] = field * 8 + 2;
  return writeVarint(message, at + 1, length);
}
