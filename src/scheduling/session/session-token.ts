import type { EndpointSpec } from "../../datastore/endpoint.ts";

/** Longest token that is looked at: `namespace/name` has at most 507 characters. */
const maxTokenLength = 1024;

/** Token that names an endpoint to its clients: base64 (standard alphabet) of `namespace/name` (protocol 3.1). */
export function encodeSessionToken({ namespace, name }: Pick<EndpointSpec, "namespace" | "name">): string {
  return Buffer.from(`${namespace}/${name}`).toString("base64");
}

/** `namespace/name` of a token; undefined for what is no canonical base64. */
export function decodeSessionToken(token: string): string | undefined {
  if (token === "" || token.length > maxTokenLength) return undefined;
  const bytes = Buffer.from(token, "base64");
  return bytes.toString("base64") === token ? bytes.toString("utf8") : undefined;
}
