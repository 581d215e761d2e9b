import { isIPv6 } from "node:net";
import type { Endpoint } from "../datastore/endpoint.ts";
import { normalizeIp } from "../lib/ip-address.ts";

/** Namespace and key under which a host narrows the pool for one request (protocol 2). */
const hintNamespace = "envoy.lb.subset_hint";
const hintKey = "x-gateway-destination-endpoint-subset";

/** Namespace and key under which a host tells which endpoint served a request, with its response (protocol 2). */
const servedNamespace = "envoy.lb";
const servedKey = "x-gateway-destination-endpoint-served";

/** Metadata by namespace and key, as the host sent it. */
export type HostMetadata = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What the host has said so far, and what it says now: a key that is there replaces the same key, one that is not changes nothing. */
export function mergeMetadata(known: HostMetadata | undefined, now: HostMetadata): HostMetadata {
  if (known === undefined) return now;
  // Without a prototype, so that no namespace can reach one.
  const merged = Object.assign(Object.create(null), known) as Record<string, HostMetadata[string]>;
  for (const [namespace, values] of Object.entries(now)) merged[namespace] = { ...merged[namespace], ...values };
  return merged;
}

/**
 * The endpoints that the host allows: all without a hint; else those whose `ip:port` is named, or whose bare IP is (every
 * port of it). IPv6 may be written in any of its forms, with brackets or, as a bare IP, without. The hint is a list of strings
 * or one comma-separated string; any other type allows nobody.
 */
export function inSubset(endpoints: readonly Endpoint[], metadata: HostMetadata | undefined): readonly Endpoint[] {
  const hint = metadata?.[hintNamespace]?.[hintKey];
  if (hint === undefined) return endpoints;
  const allowed = new Set(hintEntries(hint));
  return endpoints.filter(({ address, host }) => allowed.has(address) || allowed.has(host));
}

function hintEntries(hint: unknown): string[] {
  const items: unknown[] = typeof hint === "string" ? hint.split(",") : Array.isArray(hint) ? hint : [];
  return items.filter((item) => typeof item === "string").map((item) => canonical(item.trim()));
}

/** `ip:port` that served the request; undefined when the host does not say. */
export function servedEndpoint(metadata: HostMetadata | undefined): string | undefined {
  const served = metadata?.[servedNamespace]?.[servedKey];
  return typeof served === "string" ? canonical(served) : undefined;
}

/** An address as endpoints have theirs: IPv6 in its short form, in brackets only before a port. Others stay as they are. */
function canonical(address: string): string {
  const [, ip = address, port] = /^\[([^\]]*)\](:.+)?$/.exec(address) ?? [];
  const short = isIPv6(ip) ? normalizeIp(ip) : undefined;
  // A zone has a meaning on its own host only, and no endpoint has one.
  if (short === undefined) return address;
  return port === undefined ? short : `[${short}]${port}`;
}
