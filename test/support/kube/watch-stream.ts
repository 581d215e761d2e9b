import type { ServerResponse } from "node:http";
import type { Change, ObjectStore, StoredObject } from "./object-store.ts";
import { apiVersionOf, type Resource, type Target } from "./resources.ts";
import { type Selection, selectionOf } from "./selectors.ts";

/** How watches of the fake behave. */
export interface WatchSettings {
  /** Time between two bookmarks. */
  readonly bookmarkMs: number;
  /** Whether bookmarks are sent at all. */
  readonly hasBookmarks: boolean;
}

/** One watch that a client has open. */
export class WatchStream {
  readonly resource: Resource;
  readonly #store: ObjectStore;
  readonly #namespace: string;
  readonly #selection: Selection;
  readonly #response: ServerResponse;
  readonly #wantsBookmarks: boolean;
  readonly #isFrozen: () => boolean;
  #held: string[] = [];
  #isOver = false;
  #endings: (() => void)[] = [];

  constructor(
    store: ObjectStore,
    request: { readonly target: Target; readonly query: URLSearchParams; readonly response: ServerResponse },
    { settings, isFrozen }: { readonly settings: WatchSettings; readonly isFrozen: () => boolean },
  ) {
    const { target, query, response } = request;
    this.#store = store;
    this.resource = target.resource;
    this.#namespace = target.namespace;
    this.#selection = selectionOf(query);
    this.#response = response;
    this.#isFrozen = isFrozen;
    this.#wantsBookmarks = settings.hasBookmarks && query.get("allowWatchBookmarks") === "true";
    response.on("close", () => this.#over());
    const bookmarks = setInterval(() => this.bookmark(), settings.bookmarkMs);
    const timeout = setTimeout(() => this.end(), Number(query.get("timeoutSeconds") ?? "3600") * 1000);
    this.#endings.push(
      () => clearInterval(bookmarks),
      () => clearTimeout(timeout),
    );
  }

  /** Sends what has changed since `version` and everything that changes from now on. */
  begin(version: number): void {
    for (const change of this.#store.changesAfter(version)) this.take(change);
  }

  /** Sends a change, if it is of this watch. */
  take(change: Change): void {
    if (change.resource !== this.resource || (this.#namespace !== "" && change.namespace !== this.#namespace)) return;
    const isIn = change.object !== undefined && this.#selection(change.object.object);
    const wasIn = change.before !== undefined && this.#selection(change.before.object);
    if (isIn && change.object !== undefined) this.#event(wasIn ? "MODIFIED" : "ADDED", change.object.json);
    else if (wasIn) this.#event("DELETED", withVersion(change.object ?? change.before, change.version));
  }

  bookmark(): void {
    if (!this.#wantsBookmarks) return;
    const object = {
      kind: this.resource.kind,
      apiVersion: apiVersionOf(this.resource),
      metadata: { resourceVersion: `${this.#store.version}`, creationTimestamp: null },
    };
    this.#event("BOOKMARK", JSON.stringify(object));
  }

  /** Sends bytes as they are. */
  raw(text: string): void {
    if (this.#isOver) return;
    if (this.#isFrozen()) this.#held.push(text);
    else this.#response.write(text);
  }

  /** Sends what was held back while the server stood still. */
  thaw(): void {
    for (const text of this.#held.splice(0)) this.raw(text);
  }

  /** Ends as a server does at its timeout: with a bookmark. */
  end(): void {
    if (this.#isFrozen()) return;
    this.bookmark();
    this.#over();
    this.#response.end();
  }

  #event(type: string, json: string): void {
    this.raw(`{"type":"${type}","object":${json}}\n`);
  }

  #over(): void {
    this.#isOver = true;
    for (const ending of this.#endings.splice(0)) ending();
  }
}

function withVersion(stored: StoredObject | undefined, version: number): string {
  if (stored === undefined) return "{}";
  const { object } = stored;
  return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: `${version}` } });
}
