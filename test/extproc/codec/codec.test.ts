import assert from "node:assert/strict";
import { test } from "node:test";
import type { MethodDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import fc from "fast-check";
import { decodeProcessingRequest } from "../../../src/extproc/codec/decode-request.ts";
import { encodeProcessingResponse } from "../../../src/extproc/codec/encode-response.ts";
import { MalformedMessageError } from "../../../src/extproc/codec/proto-reader.ts";
import { type Metadata, type MetadataValue, type PickerMessage, bodyModes } from "../../../src/extproc/messages.ts";
import { protoFolder } from "../../../src/extproc/protos.ts";

/** The contract as proto-loader reads it: the other side of every comparison here. */
const contract = (
  loadSync("envoy/service/ext_proc/v3/external_processor.proto", {
    includeDirs: [protoFolder()],
    keepCase: true,
    oneofs: true,
    defaults: true,
  })["envoy.service.ext_proc.v3.ExternalProcessor"] as unknown as { Process: MethodDefinition<object, object> }
).Process;

const phase = fc.constantFrom("request" as const, "response" as const);
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const name = fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => text.toLowerCase());
const text = fc.string({ unit: "grapheme", maxLength: 40 });
const pairs = fc.array(fc.tuple(name, text), { maxLength: 12 });
const key = text.filter((word) => word !== "__proto__");
const value: fc.Arbitrary<MetadataValue> = fc.letrec<{ value: MetadataValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.double({ noNaN: true }),
    text,
    fc.boolean(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3 }),
  ),
})).value;
const metadata: fc.Arbitrary<Metadata> = fc.dictionary(key, fc.dictionary(key, value, { maxKeys: 3 }), { maxKeys: 3 });

const pickerMessage: fc.Arbitrary<PickerMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("headers" as const),
    phase,
    mutation: fc.record({ set: pairs, remove: fc.array(name, { maxLength: 5 }) }),
    clearRouteCache: fc.boolean(),
    dynamicMetadata: metadata,
  }),
  fc.record(
    {
      kind: fc.constant("body" as const),
      phase,
      body: bytes,
      mutation: fc.record({ set: pairs, remove: fc.array(name, { maxLength: 5 }) }),
      clearRouteCache: fc.boolean(),
      dynamicMetadata: metadata,
    },
    { requiredKeys: ["kind", "phase"] },
  ),
  fc.record({ kind: fc.constant("streamed-body" as const), phase, body: bytes, endOfStream: fc.boolean() }),
  fc.record({ kind: fc.constant("trailers" as const), phase }),
  fc.record({
    kind: fc.constant("immediate" as const),
    status: fc.constantFrom(400, 413, 429, 503),
    headers: pairs,
    body: text,
    details: text,
  }),
);

/** A message of ours in proto-loader's terms, defaults left out. */
function toContract(message: PickerMessage): Record<string, unknown> {
  switch (message.kind) {
    case "headers": {
      const header_mutation = mutationToContract(message.mutation?.set ?? [], message.mutation?.remove ?? []);
      const response = { header_mutation, ...(message.clearRouteCache ? { clear_route_cache: true } : {}) };
      return {
        [`${message.phase}_headers`]: { response },
        dynamic_metadata: structToContract(message.dynamicMetadata ?? {}),
      };
    }
    case "body": {
      const { body, mutation, clearRouteCache, dynamicMetadata } = message;
      const bodyMutation =
        body === undefined ? undefined : body.length === 0 ? { clear_body: true } : { body: Buffer.from(body) };
      const response = {
        ...(mutation && { header_mutation: mutationToContract(mutation.set, mutation.remove) }),
        ...(bodyMutation && { body_mutation: bodyMutation }),
        ...(clearRouteCache ? { clear_route_cache: true } : {}),
      };
      return {
        [`${message.phase}_body`]: Object.keys(response).length === 0 ? {} : { response },
        ...(dynamicMetadata && { dynamic_metadata: structToContract(dynamicMetadata) }),
      };
    }
    case "streamed-body": {
      const streamed_response = {
        ...(message.body.length > 0 ? { body: Buffer.from(message.body) } : {}),
        ...(message.endOfStream ? { end_of_stream: true } : {}),
      };
      return { [`${message.phase}_body`]: { response: { body_mutation: { streamed_response } } } };
    }
    case "trailers":
      return { [`${message.phase}_trailers`]: {} };
    case "immediate": {
      const { status, headers, body, details } = message;
      return {
        immediate_response: {
          status: { code: status },
          headers: mutationToContract(headers, []),
          ...(body === "" ? {} : { body: Buffer.from(body) }),
          ...(details === "" ? {} : { details }),
        },
      };
    }
  }
}

function mutationToContract(set: readonly (readonly [string, string])[], remove: readonly string[]): object {
  return {
    set_headers: set.map(([header, content]) => ({
      header: {
        ...(header === "" ? {} : { key: header }),
        ...(content === "" ? {} : { raw_value: Buffer.from(content) }),
      },
    })),
    remove_headers: remove,
  };
}

function structToContract(fields: Record<string, MetadataValue>): object {
  return {
    fields: Object.fromEntries(Object.entries(fields).map(([field, inner]) => [field, valueToContract(inner)])),
  };
}

/** protobufjs brings google.protobuf.Struct itself, with camel-case names. */
function valueToContract(inner: MetadataValue): object {
  if (inner === null) return { nullValue: 0 };
  if (typeof inner === "number") return { numberValue: inner };
  if (typeof inner === "string") return { stringValue: inner };
  if (typeof inner === "boolean") return { boolValue: inner };
  if (Array.isArray(inner)) return { listValue: { values: inner.map(valueToContract) } };
  return { structValue: structToContract(inner) };
}

test("encodeProcessingResponse writes what proto-loader reads as the same message", () => {
  fc.assert(
    fc.property(pickerMessage, (message) => {
      const ours = contract.responseDeserialize(encodeProcessingResponse(message));
      const theirs = contract.responseDeserialize(contract.responseSerialize(toContract(message)));
      assert.deepEqual(ours, theirs);
    }),
  );
});

const hostMessage = fc.record({
  event: fc.oneof(
    fc.record({
      kind: fc.constant("headers" as const),
      phase,
      headers: fc.array(fc.tuple(name, bytes, bytes), { maxLength: 12 }),
      endOfStream: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("body" as const), phase, body: bytes, endOfStream: fc.boolean() }),
    fc.record({ kind: fc.constant("trailers" as const), phase }),
  ),
  metadata: fc.option(metadata, { nil: undefined }),
  observabilityMode: fc.boolean(),
  protocolConfig: fc.option(
    fc.record({ requestBodyMode: fc.constantFrom(...bodyModes), responseBodyMode: fc.constantFrom(...bodyModes) }),
    { nil: undefined },
  ),
});

test("decodeProcessingRequest reads what proto-loader writes", () => {
  fc.assert(
    fc.property(hostMessage, (want) => {
      const { event } = want;
      const payload =
        event.kind === "headers"
          ? {
              headers: {
                headers: event.headers.map(([header, plain, raw]) => ({
                  key: header,
                  value: plain.toString("latin1").replace(/[^\x20-\x7e]/g, "?"),
                  raw_value: raw,
                })),
              },
              end_of_stream: event.endOfStream,
            }
          : event.kind === "body"
            ? { body: event.body, end_of_stream: event.endOfStream }
            : {};
      const encoded = contract.requestSerialize({
        [`${event.phase}_${event.kind}`]: payload,
        observability_mode: want.observabilityMode,
        ...(want.metadata === undefined
          ? {}
          : {
              metadata_context: {
                filter_metadata: Object.fromEntries(
                  Object.entries(want.metadata).map(([namespace, fields]) => [namespace, structToContract(fields)]),
                ),
              },
            }),
        ...(want.protocolConfig === undefined
          ? {}
          : {
              protocol_config: {
                request_body_mode: bodyModes.indexOf(want.protocolConfig.requestBodyMode),
                response_body_mode: bodyModes.indexOf(want.protocolConfig.responseBodyMode),
              },
            }),
      });
      const got = decodeProcessingRequest(encoded);
      assert.equal(got.observabilityMode, want.observabilityMode);
      assert.deepEqual(got.protocolConfig, plain(want.protocolConfig));
      assert.deepEqual(plain(got.metadata), plain(want.metadata));
      if (got.event.kind === "headers" && event.kind === "headers") {
        const headers = event.headers.map(([header, text, raw]) => [
          header,
          raw.length > 0 ? raw : Buffer.from(text.toString("latin1").replace(/[^\x20-\x7e]/g, "?")),
        ]);
        assert.deepEqual(got.event.headers.entries(), headers);
        assert.equal(got.event.endOfStream, event.endOfStream);
      } else {
        assert.deepEqual({ ...got.event }, { ...event });
      }
    }),
  );
});

/** Drops the difference between objects with and without a prototype. */
function plain(data: unknown): unknown {
  return data === undefined ? undefined : structuredClone(data);
}

test("decodeProcessingRequest answers any bytes with a message or MalformedMessageError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
      try {
        decodeProcessingRequest(Buffer.from(junk));
      } catch (error) {
        assert.ok(error instanceof MalformedMessageError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("decodeProcessingRequest names the place where a message is cut short", () => {
  assert.throws(() => decodeProcessingRequest(Buffer.from([0x22, 0x05, 0x0a])), {
    message: "Cannot read ext_proc message: found 1 bytes left, expected 5 at byte 2",
  });
});
