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
  /** Size of the body; undefined: not known. */
  readonly bytes?: number;
}

/** A watch that the server has accepted or refused. */
export interface ApiWatch {
  readonly status: number;
  /**
   * Lines of the answer as they come, without their ends; the rest after the last line end is the last of them. Ends when
   * the server does, throws a `ConnectionFailure` when the connection breaks or a line has more than 8 MiB.
   */
  readonly lines: AsyncIterable<string>;
}

/**
 * The API server of a cluster, with the credentials of a kubeconfig or of the pod's service account, read anew as they change.
 * Connections are kept alive. A 401 is answered by reading the credentials anew, and once by the same request with new ones.
 */
export interface ApiServer {
  /** Where it is, for logs: `https://10.0.0.1:443`. */
  readonly url: string;
  /** Namespace of the kubeconfig's context or of the pod; undefined when there is none. */
  readonly namespace?: string | undefined;
  /** Resolves with any status; rejects with a `ConnectionFailure` when no answer comes in time or the connection fails. */
  ask(request: ApiRequest): Promise<ApiReply>;
  /** Resolves when the headers are there, as `ask` does. `signal` ends the watch at any time. */
  watch(request: {
    readonly path: string;
    readonly query: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  }): Promise<ApiWatch>;
  /** The next request reads the credentials anew. */
  renewCredentials?(): void;
  /** Ends all connections; later requests reject. */
  close(): void;
}
