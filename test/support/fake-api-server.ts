import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { formatYaml } from "../../src/lib/yaml-text.ts";
import type { TestCertificate } from "./certificates.ts";
import { type Faults, noFaults } from "./kube/faults.ts";
import { ObjectStore } from "./kube/object-store.ts";
import { answer, readBody, reply, statusOf } from "./kube/requests.ts";
import {
  type KubeObject,
  pathOf,
  type Resource,
  resourceOf,
  resources,
  type Target,
  targetOf,
} from "./kube/resources.ts";
import { WatchStream } from "./kube/watch-stream.ts";

/** A request as the fake saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
  readonly isWatch: boolean;
}

/** Answers a POST of a review (TokenReview, SubjectAccessReview, SelfSubjectReview, ...): body in, body out. */
export type ReviewHandler = (review: Record<string, unknown>, plural: string) => unknown;

/** How the fake starts. */
export interface FakeApiServerOptions {
  /** Serve HTTPS with this pair; default plain HTTP. */
  readonly tls?: TestCertificate;
  /** CA in PEM that goes into kubeconfigs of a server with TLS. */
  readonly ca?: string;
  /** Ask for client certificates of this CA; a request with one needs no other credentials. */
  readonly clientCa?: string;
  /** Time between two bookmarks; default 60 s, as a real server. */
  readonly bookmarkMs?: number;
}

/**
 * An API server over real HTTP(S) with the resources of `kube/resources.ts`: lists in pages, watches with bookmarks and
 * history, writes with conflicts, authentication, refusals, and switches for every fault that tests want. State and port
 * outlive `kill` and `restart`.
 */
export class FakeApiServer {
  readonly store = new ObjectStore();
  readonly faults: Faults = noFaults();
  /** Values of the Authorization header that are let in, as "Bearer t"; empty: everybody is. */
  readonly authorizations = new Set<string>();
  /** Answered with 403: a plural ("pods"), a verb and plural ("list pods", "watch pods", "create leases"), or "*". */
  readonly forbidden = new Set<string>();
  /** CRDs that are not there: "PLURAL" or "PLURAL.GROUP"; answered with 404. */
  readonly absent = new Set<string>();
  /** All requests so far. */
  readonly seen: SeenRequest[] = [];
  /** Answers reviews; default: every token is nobody's and nothing is allowed. */
  review: ReviewHandler = (review) => ({ ...review, status: { authenticated: false, allowed: false } });
  /** Connections that were made so far. */
  connections = 0;
  /** Most watches of one collection and selection that were open at once. */
  mostWatches = 0;
  readonly #options: FakeApiServerOptions;
  readonly #watches = new Map<WatchStream, string>();
  readonly #sockets = new Set<Socket>();
  #server: Server | TlsServer | undefined;
  #port = 0;
  #thaw: (() => void) | undefined;
  #frozen: Promise<void> | undefined;

  constructor(options: FakeApiServerOptions = {}) {
    this.#options = options;
    if (options.bookmarkMs !== undefined) this.faults.bookmarkMs = options.bookmarkMs;
    this.store.onChange((change) => {
      for (const watch of this.#watches.keys()) {
        if (watch.resource !== change.resource) continue;
        if (this.faults.swallowEvents > 0) this.faults.swallowEvents--;
        else watch.take(change);
      }
    });
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `${this.#options.tls ? "https" : "http"}://127.0.0.1:${this.#port}`;
  }

  /** Listens on loopback; the port stays the same after the first time. */
  async start(): Promise<void> {
    const { tls, clientCa } = this.#options;
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch((error: Error) => {
        if (!response.headersSent) reply(response, 500, statusOf(500, "InternalError", error.message));
      });
    };
    this.#server =
      tls === undefined
        ? createServer(handle)
        : createTlsServer(
            { ...tls, ...(clientCa && { ca: clientCa, requestCert: true, rejectUnauthorized: false }) },
            handle,
          );
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on("connection", (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    });
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends as a killed process does: connections break, the port refuses. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.thaw();
    const closed = once(server, "close");
    server.close();
    this.dropConnections();
    await closed;
  }

  /** Comes back with all its objects. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Breaks all connections; new ones are welcome. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** No byte is sent any more, on old connections and new. */
  freeze(): void {
    this.#frozen ??= new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  /** Goes on after `freeze`. */
  thaw(): void {
    this.#frozen = undefined;
    this.#thaw?.();
    for (const watch of this.#watches.keys()) watch.thaw();
  }

  /** New connections get this certificate. */
  replaceCertificate({ cert, key }: TestCertificate): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext({ cert, key });
  }

  /** Number of open watches of a resource, by its plural. */
  watches(plural: string): number {
    return [...this.#watches.keys()].filter(({ resource }) => resource.plural === plural).length;
  }

  /** Ends all watches of a resource as their timeout would. */
  endWatches(plural: string): void {
    for (const watch of this.#watches.keys()) if (watch.resource.plural === plural) watch.end();
  }

  /** Sends bytes on all watches of a resource as they are; a line needs its end. */
  inject(plural: string, text: string): void {
    for (const watch of this.#watches.keys()) if (watch.resource.plural === plural) watch.raw(text);
  }

  /** Sends an event of any type on all watches of a resource. */
  injectEvent(plural: string, type: string, object: unknown): void {
    this.inject(plural, `${JSON.stringify({ type, object })}\n`);
  }

  /** Sends an ERROR event with a Status. */
  injectError(plural: string, code: number, reason: string): void {
    this.injectEvent(plural, "ERROR", statusOf(code, reason, `injected ${reason}`));
  }

  /** Creates an object or replaces the one of its name, whatever its version. */
  upsert(object: KubeObject): KubeObject {
    const { namespace = "", name } = object.metadata;
    if (this.store.get(resourceOf(object), namespace, name) === undefined) return this.store.create(object);
    const { resourceVersion: _any, ...metadata } = object.metadata;
    return this.store.replace({ ...object, metadata });
  }

  /** Ends an object; one with finalizers is only marked. */
  remove({ apiVersion, kind, metadata: { namespace = "", name } }: KubeObject): void {
    this.store.remove(resourceOf({ apiVersion, kind }), namespace, name);
  }

  /** Merges into an object what a JSON merge patch says. */
  patch({ apiVersion, kind, metadata: { namespace = "", name } }: KubeObject, patch: unknown): KubeObject {
    return this.store.patch(resourceOf({ apiVersion, kind }), namespace, name, patch);
  }

  /** Sets the condition Ready of a pod. */
  setPodReady(namespace: string, name: string, isReady: boolean): KubeObject {
    const conditions = [{ type: "Ready", status: isReady ? "True" : "False" }];
    return this.store.patch(resources[0] as Resource, namespace, name, { status: { conditions } });
  }

  /**
   * Writes a kubeconfig for this server, readable YAML. `user`: what stands under `user:`, `{ token: "t" }` or
   * `{ tokenFile: "/path" }` for instance; default nothing. `ca`: path of the CA file instead of the CA in the text.
   */
  writeKubeconfig(path: string, { user = {}, ca, namespace = "default" }: KubeconfigTraits = {}): void {
    const { ca: bundle } = this.#options;
    const data = bundle && { "certificate-authority-data": Buffer.from(bundle).toString("base64") };
    const cluster = { server: this.url, ...(ca === undefined ? data : { "certificate-authority": ca }) };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "fake", cluster }],
      users: [{ name: "tester", user }],
      contexts: [{ name: "test", context: { cluster: "fake", user: "tester", namespace } }],
      "current-context": "test",
    };
    writeFileSync(path, formatYaml(config));
  }

  /** Stops listening and ends all connections. */
  async close(): Promise<void> {
    await this.kill();
    for (const watch of this.#watches.keys()) watch.end();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", headers } = request;
    const url = new URL(request.url ?? "/", this.url);
    const query = url.searchParams;
    const isWatch = query.get("watch") === "true" || query.get("watch") === "1";
    const { authorization } = headers;
    this.seen.push({ method, path: url.pathname, query: Object.fromEntries(query), authorization, isWatch });
    const body = await readBody(request);
    await this.#wait();
    if (request.socket.destroyed) return;
    if (this.faults.random() < this.faults.lossRatio) return void request.socket.destroy();
    const refusal = this.#refusalOf(request, url.pathname, isWatch);
    if (refusal !== undefined)
      return reply(response, refusal.status, statusOf(refusal.status, refusal.reason, refusal.reason));
    const plural = /^\/apis\/(?:authentication|authorization)\.k8s\.io\/v1\/(\w+)$/.exec(url.pathname)?.[1];
    if (plural !== undefined) return reply(response, 201, await this.review(body as Record<string, unknown>, plural));
    const [, group, version] = /^\/apis\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
    if (group !== undefined && version !== undefined) return this.#discover(group, version, response);
    const target = targetOf(url.pathname);
    if (target === undefined)
      return reply(response, 404, statusOf(404, "NotFound", "the server could not find the requested resource"));
    if (isWatch) this.#watch(target, query, response);
    else answer(this.store, this.faults, { method, target, query, body }, response);
  }

  /** Says which resources a group and version has. */
  #discover(group: string, version: string, response: ServerResponse): void {
    const known = resources.filter(
      (entry) =>
        entry.group === group &&
        entry.version === version &&
        !this.absent.has(entry.plural) &&
        !this.absent.has(`${entry.plural}.${group}`),
    );
    if (known.length === 0) return reply(response, 404, statusOf(404, "NotFound", "404 page not found"));
    const list = known.map(({ plural: name, kind, isNamespaced: namespaced }) => ({ name, kind, namespaced }));
    reply(response, 200, {
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion: `${group}/${version}`,
      resources: list,
    });
  }

  async #wait(): Promise<void> {
    const { latencyMs } = this.faults;
    if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
    while (this.#frozen !== undefined) await this.#frozen;
  }

  #refusalOf(request: IncomingMessage, path: string, isWatch: boolean): { status: number; reason: string } | undefined {
    const { authorization = "" } = request.headers;
    const isKnown = "authorized" in request.socket && request.socket.authorized === true && this.#options.clientCa;
    if (this.authorizations.size > 0 && !isKnown && !this.authorizations.has(authorization)) {
      return { status: 401, reason: "Unauthorized" };
    }
    if (this.faults.status !== 0) return { status: this.faults.status, reason: "InternalError" };
    const target = targetOf(path);
    const plural = target?.resource.plural ?? path.split("/").at(-1) ?? "";
    const verb = verbOf(request.method ?? "GET", isWatch, target?.name ?? "");
    if (["*", plural, `${verb} ${plural}`].some((rule) => this.forbidden.has(rule))) {
      return { status: 403, reason: "Forbidden" };
    }
    if (target === undefined) return undefined;
    const names = [plural, `${plural}.${target.resource.group}`];
    return names.some((name) => this.absent.has(name)) ? { status: 404, reason: "NotFound" } : undefined;
  }

  #watch(target: Target, query: URLSearchParams, response: ServerResponse): void {
    const { bookmarkMs, hasBookmarks, goneByStatus } = this.faults;
    const asked = query.get("resourceVersion") ?? "0";
    const version = asked === "0" || asked === "" ? this.store.version : Number(asked);
    const gone = statusOf(410, "Expired", `too old resource version: ${version} (${this.store.compacted})`);
    const isGone = version < this.store.compacted;
    if (isGone && goneByStatus) return reply(response, 410, gone);
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const settings = { bookmarkMs, hasBookmarks };
    const isFrozen = (): boolean => this.#frozen !== undefined;
    const watch = new WatchStream(this.store, { target, query, response }, { settings, isFrozen });
    const selection = `${pathOf(target.resource, target.namespace)}?${query.get("labelSelector")}&${query.get("fieldSelector")}`;
    this.#watches.set(watch, selection);
    const same = [...this.#watches.values()].filter((other) => other === selection).length;
    this.mostWatches = Math.max(this.mostWatches, same);
    response.on("close", () => this.#watches.delete(watch));
    if (isGone) {
      watch.raw(`${JSON.stringify({ type: "ERROR", object: gone })}\n`);
      return void response.end();
    }
    watch.begin(version);
  }
}

/** What a kubeconfig says besides the server. */
export interface KubeconfigTraits {
  readonly user?: Readonly<Record<string, unknown>>;
  readonly ca?: string;
  readonly namespace?: string;
}

function verbOf(method: string, isWatch: boolean, name: string): string {
  if (method === "GET") return isWatch ? "watch" : name === "" ? "list" : "get";
  return { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" }[method] ?? method;
}

/** Starts a fake API server that ends with the test. */
export async function startFakeApiServer(
  t: { after(callback: () => Promise<void>): void },
  options: FakeApiServerOptions = {},
): Promise<FakeApiServer> {
  const server = new FakeApiServer(options);
  await server.start();
  t.after(() => server.close());
  return server;
}
