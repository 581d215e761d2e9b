import type { IncomingMessage, ServerResponse } from "node:http";
import { type ObjectStore, StoreError } from "./object-store.ts";
import { apiVersionOf, type KubeObject, type Target } from "./resources.ts";
import { selectionOf } from "./selectors.ts";
import type { Faults } from "./faults.ts";

/** A request with its body read. */
export interface Call {
  readonly method: string;
  readonly target: Target;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** Answers with JSON. */
export function reply(response: ServerResponse, status: number, body: unknown): void {
  replyText(response, status, JSON.stringify(body));
}

function replyText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

/** The Status object of an error. */
export function statusOf(code: number, reason: string, message: string): unknown {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
}

/** The whole body as JSON; undefined when there is none. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? undefined : JSON.parse(text);
}

/** Answers everything but watches, from the store. */
export function answer(store: ObjectStore, faults: Faults, call: Call, response: ServerResponse): void {
  try {
    if (call.method === "GET" && call.target.name === "") list(store, faults, call, response);
    else reply(response, call.method === "POST" ? 201 : 200, change(store, call));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    reply(response, error.status, statusOf(error.status, error.reason, error.message));
  }
}

function change(store: ObjectStore, { method, target, body }: Call): KubeObject {
  const { resource, namespace, name } = target;
  switch (method) {
    case "GET": {
      const object = store.get(resource, namespace, name);
      if (object === undefined) throw new StoreError(404, "NotFound", `${resource.plural} "${name}" not found`);
      return object;
    }
    case "POST":
      return store.create(completed(body, target));
    case "PUT":
      return store.replace(completed(body, target));
    case "PATCH":
      return store.patch(resource, namespace, name, body);
    case "DELETE":
      return store.remove(resource, namespace, name);
    default:
      throw new StoreError(405, "MethodNotAllowed", `${method} is not served`);
  }
}

function completed(body: unknown, { resource, namespace }: Target): KubeObject {
  const object = body as KubeObject;
  const metadata = { ...object.metadata, ...(namespace === "" ? {} : { namespace }) };
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
}

/** A page: objects after the continuation's name, at the version of the first page. */
function list(store: ObjectStore, faults: Faults, { target, query }: Call, response: ServerResponse): void {
  const { resource, namespace } = target;
  const continuation = query.get("continue") ?? "";
  const [continuedVersion = "", after = ""] = Buffer.from(continuation, "base64url").toString("utf8").split(" ");
  const isExact = query.get("resourceVersionMatch") === "Exact";
  const asked = continuation !== "" ? continuedVersion : isExact ? (query.get("resourceVersion") ?? "") : "";
  const version = asked === "" ? store.version : Number(asked);
  const isExpired = continuation !== "" && faults.expireContinuations-- > 0;
  if (version < store.compacted || isExpired) {
    throw new StoreError(410, "Expired", "The provided continue parameter or resourceVersion is too old");
  }
  const selection = selectionOf(query);
  const all = store.list(resource, namespace, version).filter(({ object }) => selection(object));
  const from = all.findIndex(({ object }) => nameOf(object) > after);
  const rest = after === "" ? all : from < 0 ? [] : all.slice(from);
  const limit = Number(query.get("limit") ?? "0") || rest.length;
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const next = last === undefined || rest.length <= limit ? "" : `${version} ${nameOf(last.object)}`;
  const metadata = {
    resourceVersion: `${version}`,
    ...(next && {
      continue: Buffer.from(next).toString("base64url"),
      ...(query.has("labelSelector") ? {} : { remainingItemCount: rest.length - limit }),
    }),
  };
  const head = JSON.stringify({ kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata });
  replyText(response, 200, `${head.slice(0, -1)},"items":[${page.map(({ json }) => json).join(",")}]}`);
}

function nameOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
