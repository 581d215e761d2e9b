import { InvalidArgumentError } from "commander";
import { cipherList } from "../extproc/cipher-suites.ts";
import type { TlsSettings } from "../extproc/certificate.ts";
import { parseByteSize } from "../lib/byte-size.ts";
import { parseDurationMs } from "../lib/duration.ts";

/** Floor of the time between two scrapes of an endpoint (protocol 5.3). */
export const minScrapeIntervalMs = 50;

/** `--flag`, `--flag=true`, `--flag=false` as Go's flags take them. */
export function booleanValue(text: string): boolean {
  if (["true", "t", "1"].includes(text.toLowerCase())) return true;
  if (["false", "f", "0"].includes(text.toLowerCase())) return false;
  throw new InvalidArgumentError("expected true or false.");
}

/** A port; 0 takes a free one. */
export function portValue(text: string): number {
  return boundedInteger(text, 0, 65535);
}

/** `host:port`, an IPv6 host in brackets, port 1 to 65535; undefined for anything else. */
export function readAddress(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, bare, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? bare;
  return host !== undefined && Number(port) >= 1 && Number(port) <= 65535 ? { host, port: Number(port) } : undefined;
}

/** The address of a picker's metrics port. */
export function addressValue(text: string): { readonly host: string; readonly port: number } {
  const address = readAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError("expected HOST:PORT, IPv6 hosts in brackets.");
}

/** Ports with commas between, 1 to 65535, at most 8; repeated ones are dropped, the order is kept (protocol 4.5). */
export function portsValue(text: string): readonly number[] {
  const ports = [...new Set(text.split(",").map((part) => boundedInteger(part.trim(), 1, 65535)))];
  if (ports.length > 8) throw new InvalidArgumentError(`${ports.length} ports, expected at most 8.`);
  return ports;
}

/** A whole number of at least 1. */
export function positiveInteger(text: string): number {
  return boundedInteger(text, 1, Number.MAX_SAFE_INTEGER);
}

/** A whole number, also a negative one. */
export function integerValue(text: string): number {
  return boundedInteger(text, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

/** A verbosity level; `-v=2`, as Go's flags take it, arrives here as `=2`. */
export function verbosityValue(text: string): number {
  return boundedInteger(text.replace(/^=/, ""), 0, 10);
}

/** A duration in Go's notation, as milliseconds. */
export function durationValue(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError("expected a duration such as 50ms, 2s or 1m30s.");
  return ms;
}

/** A size as Kubernetes writes quantities, as bytes; undefined, which means the default, for an empty text. */
export function byteSizeValue(text: string): number | undefined {
  const bytes = parseByteSize(text);
  if (bytes !== undefined || text === "") return bytes;
  throw new InvalidArgumentError("expected a size such as 4194304, 10MiB or 25MB, below 8Ei.");
}

/** Go's name of a TLS version; an empty text is the default. */
export function tlsVersionValue(text: string): TlsSettings["minVersion"] {
  if (text === "" || text === "VersionTLS12") return "TLSv1.2";
  if (text === "VersionTLS13") return "TLSv1.3";
  throw new InvalidArgumentError("expected VersionTLS12 or VersionTLS13.");
}

/** IANA's names of cipher suites, commas between, as OpenSSL's list; undefined, which means the default, for an empty text. */
export function cipherSuitesValue(text: string): string | undefined {
  const names = text.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
  if (names.length === 0) return undefined;
  try {
    return cipherList(names);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function boundedInteger(text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new InvalidArgumentError(`expected a whole number ${range}.`);
}
