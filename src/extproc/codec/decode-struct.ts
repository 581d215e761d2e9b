import type { MetadataValue } from "../messages.ts";
import { MalformedMessageError, type ProtoReader } from "./proto-reader.ts";

/** Deeper metadata than any host sends; a bound on recursion. */
const maxDepth = 32;

/** Reads a google.protobuf.Struct into an object without a prototype, so that no key can reach one. */
export function decodeStruct(reader: ProtoReader, depth = 0): Record<string, MetadataValue> {
  if (depth > maxDepth) throw new MalformedMessageError(`Cannot read metadata: deeper than ${maxDepth} levels`);
  const fields = Object.create(null) as Record<string, MetadataValue>;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) decodeEntry(reader.message(), fields, depth);
    else reader.skip();
  }
  return fields;
}

function decodeEntry(reader: ProtoReader, fields: Record<string, MetadataValue>, depth: number): void {
  let key = "";
  let value: MetadataValue = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.text();
    else if (field === 2) value = decodeValue(reader.message(), depth);
    else reader.skip();
  }
  fields[key] = value;
}

function decodeValue(reader: ProtoReader, depth: number): MetadataValue {
  let value: MetadataValue = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    value = decodeKind(reader, field, depth);
  }
  return value;
}

function decodeKind(reader: ProtoReader, field: number, depth: number): MetadataValue {
  switch (field) {
    case 2:
      return reader.double();
    case 3:
      return reader.text();
    case 4:
      return reader.bool();
    case 5:
      return decodeStruct(reader.message(), depth + 1);
    case 6:
      return decodeList(reader.message(), depth + 1);
    default:
      reader.skip();
      return null;
  }
}

function decodeList(reader: ProtoReader, depth: number): MetadataValue[] {
  if (depth > maxDepth) throw new MalformedMessageError(`Cannot read metadata: deeper than ${maxDepth} levels`);
  const values: MetadataValue[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) values.push(decodeValue(reader.message(), depth));
    else reader.skip();
  }
  return values;
}
