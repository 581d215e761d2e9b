import type { Endpoint } from "../datastore/endpoint.ts";

/** Namespace and key under which a host narrows the pool for one request (protocol 2). */
const hintNamespace = "envoy.lb.subset_hint";
const hintKey = "x-gateway-destination-endpoint-subset";

/** Namespace and key under which a host tells which endpoint served a request, with its response (protocol 2). */
const servedNamespace = "envoy.lb";
const servedKey = "x-gateway-destination-endpoint-served";

/** Metadata by namespace and key, as the host sent it. */
export type HostMetadata = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * The endpoints that the host allows: all without a hint; else those whose `ip:port` is named, or whose bare IP is (every
 * port of it). The hint is a list of strings or one comma-separated string; any other type allows nobody.
 */
export function inSubset(endpoints: readonly Endpoint[], metadata: HostMetadata | undefined): readonly Endpoint[] {
  const hint = metadata?.[hintNamespace]?.[hintKey];
  if (hint === undefined) return endpoints;
  const allowed = new Set(hintEntries(hint));
  return endpoints.filter(({ address, host }) => allowed.has(address) || allowed.has(host) || allowed.has(`[${host}]`));
}

function hintEntries(hint: unknown): string[] {
  const items: unknown[] = typeof hint === "string" ? hint.split(",") : Array.isArray(hint) ? hint : [];
  return items.filter((item) => typeof item === "string").map((item) => item.trim());
}

/** `ip:port` that served the request; undefined when the host does not say. */
export function servedEndpoint(metadata: HostMetadata | undefined): string | undefined {
  const served = metadata?.[servedNamespace]?.[servedKey];
  return typeof served === "string" ? served : undefined;
}
