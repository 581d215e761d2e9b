import type { Send, WireEvent } from "./stream-case.ts";
import { utf8 } from "./generate.ts";

/** The `ProcessingRequest` of a step as bytes on the wire (protos/envoy/service/ext_proc/v3), written without the code under test. */
export function wireBytes({ event, metadata, modes, mirror }: Send): string {
  const [request, response] = modes;
  const isSaid = request !== undefined && response !== undefined;
  return [
    event.kind === "unknown" ? "" : nested(fieldOf(event), eventBytes(event)),
    metadata === null ? "" : nested(8, metadataBytes(metadata)),
    mirror ? number(10, 1) : "",
    isSaid ? nested(11, number(1, request) + number(2, response)) : "",
  ].join("");
}

function fieldOf({ kind, phase }: Exclude<WireEvent, { kind: "unknown" }>): number {
  return { headers: 2, body: 4, trailers: 6 }[kind] + (phase === "request" ? 0 : 1);
}

function eventBytes(event: Exclude<WireEvent, { kind: "unknown" }>): string {
  switch (event.kind) {
    case "headers": {
      const headers = event.headers.map(([name, value]) => nested(1, nested(1, name) + nested(3, value)));
      return nested(1, headers.join("")) + (event.end ? number(3, 1) : "");
    }
    case "body":
      return (event.body === "" ? "" : nested(1, event.body)) + (event.end ? number(2, 1) : "");
    case "trailers":
      return "";
  }
}

function metadataBytes({ hint, served }: NonNullable<Send["metadata"]>): string {
  const entry = (key: string, value: string): string => nested(1, nested(1, key) + nested(2, value));
  const hints = hint === null ? "" : entry("x-gateway-destination-endpoint-subset", valueBytes(hint));
  const serving = served === "" ? "" : entry("x-gateway-destination-endpoint-served", valueBytes(served));
  return entry("envoy.lb.subset_hint", hints) + entry("envoy.lb", serving);
}

/** A google.protobuf.Value. */
function valueBytes(value: unknown): string {
  if (typeof value === "string") return nested(3, utf8(value));
  if (typeof value === "number") return `\x11${Buffer.from(new Float64Array([value]).buffer).toString("latin1")}`;
  if (Array.isArray(value)) return nested(6, value.map((item) => nested(1, valueBytes(item))).join(""));
  return number(1, 0);
}

function nested(field: number, bytes: string): string {
  return varint(field * 8 + 2) + varint(bytes.length) + bytes;
}

function number(field: number, value: number): string {
  return varint(field * 8) + varint(value);
}

function varint(value: number): string {
  return value < 128 ? String.fromCharCode(value) : String.fromCharCode((value & 127) | 128) + varint(value >>> 7);
}
