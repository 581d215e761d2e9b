import { HeaderList } from "../header-list.ts";
import { type BodyMode, bodyModes, type HostEvent, type HostMessage, type Metadata, type Phase } from "../messages.ts";
import { decodeStruct } from "./decode-struct.ts";
import { ProtoReader } from "./proto-reader.ts";

/**
 * Reads one `ProcessingRequest` (protos/envoy/service/ext_proc/v3). Bodies and header values are views on `buffer`.
 * Fields this picker does not know are skipped. Throws MalformedMessageError for bytes that are no such message.
 */
export function decodeProcessingRequest(buffer: Buffer): HostMessage {
  const reader = new ProtoReader(buffer);
  let event: HostEvent = { kind: "unknown" };
  let metadata: Metadata | undefined;
  let observabilityMode = false;
  let protocolConfig: HostMessage["protocolConfig"];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field >= 2 && field <= 7) event = decodeEvent(reader, field);
    else if (field === 8) metadata = decodeMetadata(reader.message());
    else if (field === 10) observabilityMode = reader.bool();
    else if (field === 11) protocolConfig = decodeProtocolConfig(reader.message());
    else reader.skip();
  }
  return { event, metadata, observabilityMode, protocolConfig };
}

/** The `request` oneof: even fields belong to the request, odd ones to the response. */
function decodeEvent(reader: ProtoReader, field: number): HostEvent {
  const phase = field % 2 === 0 ? "request" : "response";
  if (field <= 3) return decodeHeaders(reader.message(), phase);
  if (field <= 5) return decodeBody(reader.message(), phase);
  reader.skip();
  return { kind: "trailers", phase };
}

function decodeHeaders(reader: ProtoReader, phase: Phase): HostEvent {
  let headers = new HeaderList();
  let endOfStream = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) headers = decodeHeaderMap(reader.message());
    else if (field === 3) endOfStream = reader.bool();
    else reader.skip();
  }
  return { kind: "headers", phase, headers, endOfStream };
}

function decodeHeaderMap(reader: ProtoReader): HeaderList {
  const headers = new HeaderList();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) decodeHeader(reader.message(), headers);
    else reader.skip();
  }
  return headers;
}

const noBytes: Buffer = Buffer.alloc(0);

/** `raw_value` beats `value` (protocol 3.1). */
function decodeHeader(reader: ProtoReader, headers: HeaderList): void {
  let name = "";
  let value: Buffer = noBytes;
  let raw: Buffer = noBytes;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) value = reader.bytes();
    else if (field === 3) raw = reader.bytes();
    else reader.skip();
  }
  headers.add(name, raw.length > 0 ? raw : value);
}

function decodeBody(reader: ProtoReader, phase: Phase): HostEvent {
  let body: Buffer = noBytes;
  let endOfStream = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) body = reader.bytes();
    else if (field === 2) endOfStream = reader.bool();
    else reader.skip();
  }
  return { kind: "body", phase, body, endOfStream };
}

function decodeMetadata(reader: ProtoReader): Metadata {
  const metadata: Metadata = Object.create(null) as Metadata;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) decodeNamespace(reader.message(), metadata);
    else reader.skip();
  }
  return metadata;
}

function decodeNamespace(reader: ProtoReader, metadata: Metadata): void {
  let namespace = "";
  let values: Metadata[string] = Object.create(null) as Metadata[string];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) namespace = reader.text();
    else if (field === 2) values = decodeStruct(reader.message());
    else reader.skip();
  }
  metadata[namespace] = values;
}

function decodeProtocolConfig(reader: ProtoReader): NonNullable<HostMessage["protocolConfig"]> {
  let requestBodyMode: BodyMode = "none";
  let responseBodyMode: BodyMode = "none";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) requestBodyMode = bodyModes[reader.varint()] ?? "none";
    else if (field === 2) responseBodyMode = bodyModes[reader.varint()] ?? "none";
    else reader.skip();
  }
  return { requestBodyMode, responseBodyMode };
}
