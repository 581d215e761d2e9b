import { isIP } from "node:net";
import { type EndpointSpec, formatAddress } from "../datastore/endpoint.ts";
import { normalizeIp } from "../lib/ip-address.ts";
import { decodeDocument, inOrder, type Problem } from "../lib/document.ts";
import { z } from "../lib/schema.ts";
import { checkLength } from "../lib/polled-file.ts";

/** One endpoint as a file gives it. */
export interface EndpointEntry {
  readonly name: string;
  readonly namespace: string;
  /** IPv4 or IPv6 address without brackets, IPv6 in its shortest form, or a host name in lower case. */
  readonly host: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** The endpoints of a file in its order, or everything that is wrong with it. */
export type EndpointsFile =
  | { readonly kind: "ok"; readonly entries: readonly EndpointEntry[] }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

const namePattern = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const hostPattern =
  /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9_]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9_]{0,61}[a-z0-9])?)*\.?$/;

const nameSchema = z
  .string()
  .min(1)
  .max(253)
  .regex(namePattern, {
    error: ({ input }) =>
      `expected letters, digits, - _ and . with a letter or digit at both ends, got ${JSON.stringify(input)}`,
  });

const hostSchema = z.string().transform((text, context) => {
  const host = normalizeHost(text);
  if (host !== undefined) return host;
  const message = `expected an IPv4 or IPv6 address or a host name, without scheme and port, got "${text}"`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const portSchema = z.union([z.string(), z.number()]).transform((given, context) => {
  const port = typeof given === "string" && /^\d{1,5}$/.test(given) ? Number(given) : given;
  if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  context.addIssue({ code: "custom", message: `expected a port from 1 to 65535, got ${JSON.stringify(given)}` });
  return z.NEVER;
});

const fileSchema = z.strictObject({
  endpoints: z.array(
    z.strictObject({
      name: nameSchema,
      namespace: nameSchema.default("default"),
      address: hostSchema,
      port: portSchema,
      labels: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

/** Reads the YAML or JSON text of an endpoints file (protocol 4.5). Unknown fields and endpoints given twice are problems. */
export function readEndpoints(text: string, file: string): EndpointsFile {
  const tooLong = checkLength(text, file);
  if (tooLong !== undefined) return { kind: "invalid", problems: [tooLong] };
  const decoded = decodeDocument(text, { file, schema: fileSchema });
  if (decoded.kind === "invalid") return { kind: "invalid", problems: decoded.problems };
  const entries = decoded.value.endpoints.map(({ address, ...entry }) => ({ ...entry, host: address }));
  const problems = repeats(entries).map(({ index, field, message }) =>
    decoded.document.problem(["endpoints", index, field], message),
  );
  return problems.length > 0 ? { kind: "invalid", problems: inOrder(problems) } : { kind: "ok", entries };
}

/** The spec of an entry whose host is, or was resolved to, the IP address `ip`. Another address is another incarnation. */
export function specOf(entry: EndpointEntry, ip: string): EndpointSpec {
  const { name, namespace, port, labels } = entry;
  const address = formatAddress(ip, port);
  const id = `${namespace}/${name}`;
  return { id, incarnation: `${name}@${address}`, name, namespace, host: ip, port, address, labels };
}

/** True when the host of an entry must be resolved. */
export function isHostName(host: string): boolean {
  return isIP(host) === 0;
}

function normalizeHost(text: string): string | undefined {
  const bare = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
  const version = isIP(bare);
  if (version === 4) return text === bare ? bare : undefined;
  if (version === 6) return normalizeIp(bare);
  const host = text.toLowerCase();
  // A name ending in digits is a mistyped address: no top level domain is a number.
  return hostPattern.test(host) && !/(?:^|\.)\d+\.?$/.test(host) ? host : undefined;
}

interface Repeat {
  readonly index: number;
  readonly field: "name" | "address";
  readonly message: string;
}

function repeats(entries: readonly EndpointEntry[]): Repeat[] {
  const found: Repeat[] = [];
  const names = new Map<string, number>();
  const addresses = new Map<string, number>();
  entries.forEach(({ name, namespace, host, port }, index) => {
    const id = `${namespace}/${name}`;
    const address = formatAddress(host, port);
    const sameName = names.get(id);
    const sameAddress = addresses.get(address);
    if (sameName !== undefined) {
      found.push({ index, field: "name", message: `"${id}" is already the name of endpoints[${sameName}]` });
    } else names.set(id, index);
    if (sameAddress !== undefined) {
      found.push({
        index,
        field: "address",
        message: `${address} is already the address of endpoints[${sameAddress}]`,
      });
    } else addresses.set(address, index);
  });
  return found;
}
