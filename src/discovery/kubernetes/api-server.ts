/** One request to the API server. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** Absolute path, without the query: `/api/v1/namespaces/ns/pods`. */
  readonly path: string;
  /** Query parameters; default: none. */
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON; default: no body. */
  readonly body?: unknown;
  /** Longest wait for the whole answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** An answer, whatever its status. */
export interface ApiReply {
  readonly status: number;
  /** The parsed JSON; undefined when the body is not JSON. */
  readonly body: unknown;
}

/** A watch that the server has accepted or refused. */
export interface ApiWatch {
  readonly status: number;
  /** Lines of the answer as they come, without their ends; ends when the server does, throws when the connection breaks. */
  readonly lines: AsyncIterable<string>;
}

/**
 * The API server of a cluster, with the credentials of a kubeconfig or of the pod's service account, read anew as they change.
 * Connections are kept alive.
 */
export interface ApiServer {
  /** Where it is, for logs: `https://10.0.0.1:443`. */
  readonly url: string;
  /** Resolves with any status; rejects when no answer comes in time or the connection fails. */
  ask(request: ApiRequest): Promise<ApiReply>;
  /** Resolves when the headers are there. `signal` ends the watch at any time. */
  watch(request: {
    readonly path: string;
    readonly query: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  }): Promise<ApiWatch>;
  /** Ends all connections. */
  close(): void;
}
