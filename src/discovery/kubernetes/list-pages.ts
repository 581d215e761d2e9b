import type { ApiServer } from "./api-server.ts";
import { metadataOf } from "./kubernetes-object.ts";
import { faultOfStatus, ReflectorFault } from "./reflector-fault.ts";

/** Which objects to list. */
export interface ListRequest {
  readonly path: string;
  /** Selectors, and the resource version of the first page where it must be a certain one. */
  readonly query: Readonly<Record<string, string>>;
  /** Longest wait for one page. */
  readonly pageTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** First page: small, since nobody knows how big the objects are. */
const firstLimit = 50;
/** Largest page: what the field's clients ask for. */
const maxLimit = 500;
/** Smallest page that sizes lead to. */
const minLimit = 5;
/** Text of a page is parsed at a stretch, at 10 to 20 ms a megabyte. */
const targetBytes = 500_000;

/**
 * Lists in pages of about half a megabyte, whatever the objects' size, so that no page holds up the event loop. `take` gets every
 * object once and keeps what it needs; between pages everything else goes on. Resolves with the resource version of the
 * list. Throws a `ReflectorFault`, or what `api.ask` rejects with: the pages so far are of no use then.
 */
export async function listPages(
  api: ApiServer,
  request: ListRequest,
  take: (object: unknown) => void,
): Promise<string> {
  const { path, query, pageTimeoutMs: timeoutMs, signal } = request;
  const { resourceVersion: _version, resourceVersionMatch: _match, ...selectors } = query;
  let limit = firstLimit;
  let continuation = "";
  for (;;) {
    // A continuation stands for the resource version of the first page.
    const page = continuation === "" ? query : { ...selectors, continue: continuation };
    const reply = await api.ask({
      method: "GET",
      path,
      query: { ...page, limit: `${limit}` },
      timeoutMs,
      signal,
    });
    if (reply.status !== 200) throw faultOfStatus("list", reply);
    const { items, resourceVersion, next } = readPage(reply.body);
    for (const item of items) take(item);
    if (next === "") return resourceVersion;
    continuation = next;
    limit = nextLimit(limit, items.length, reply.bytes);
  }
}

function nextLimit(limit: number, objects: number, bytes: number | undefined): number {
  if (bytes === undefined || objects === 0) return limit;
  return Math.min(maxLimit, Math.max(minLimit, Math.floor((targetBytes * objects) / bytes)));
}

function readPage(body: unknown): {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  readonly next: string;
} {
  const { resourceVersion, continue: next } = metadataOf(body);
  const items = (body as { readonly items?: unknown } | undefined)?.items ?? [];
  if (!Array.isArray(items) || typeof resourceVersion !== "string" || resourceVersion === "") {
    throw new ReflectorFault("unreadable-list", "list: found an answer without items and resourceVersion");
  }
  return { items, resourceVersion, next: typeof next === "string" ? next : "" };
}
