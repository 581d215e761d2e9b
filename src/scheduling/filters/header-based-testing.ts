import { isIP } from "node:net";
import { type Endpoint, formatAddress } from "../../datastore/endpoint.ts";
import { normalizeIp } from "../../lib/ip-address.ts";
import { noParameters } from "../parameters.ts";
import { definePlugin } from "../plugin.ts";

/** Header by which conformance tests choose endpoints (protocol 3.1). */
const selectionHeader = "test-epp-endpoint-selection";

/**
 * Keeps the endpoints that the request names: a comma list of `IP` (every port of it) or `IP:port`, IPv6 with or without
 * brackets. Nobody without the header (protocol 3.1, case K1).
 */
export const headerBasedTestingFilter = definePlugin({
  type: "header-based-testing-filter",
  summary: "Keeps the endpoints that a request header names; for tests only, since every client may choose.",
  parameters: noParameters,
  roles: ["filter"],
  headersRead: () => [selectionHeader],
  create: () => ({
    filter: {
      filter: ({ request }, candidates) => keepNamed(request.headers[selectionHeader] ?? "", candidates),
    },
  }),
});

function keepNamed(list: string, candidates: readonly Endpoint[]): readonly Endpoint[] {
  const named = new Set(list.split(",").flatMap((item) => normalize(item.trim()) ?? []));
  if (named.size === 0) return [];
  return candidates.filter(({ host, address }) => named.has(address) || named.has(host));
}

/** `IP` or `IP:port` as endpoints write theirs; undefined for anything else. */
function normalize(item: string): string | undefined {
  if (isIP(item) > 0) return normalizeIp(item) ?? item;
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(item) ?? [];
  const ip = bracketed ?? plain ?? "";
  if (isIP(ip) === 0 || (bracketed !== undefined && isIP(ip) !== 6)) return undefined;
  const host = normalizeIp(ip) ?? ip;
  return port === undefined ? host : formatAddress(host, Number(port));
}
