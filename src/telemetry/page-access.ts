import type { IncomingMessage } from "node:http";
import { mayDebug } from "./debug-access.ts";

/** What the bearer of a token may do. */
export type Verdict =
  | { readonly kind: "allowed" }
  | { readonly kind: "unauthenticated" }
  | { readonly kind: "forbidden"; readonly user: string }
  /** Nobody can say at the moment; the reason may be told to anybody. */
  | { readonly kind: "unavailable"; readonly reason: string };

/** Whether the bearer of a token may `get` a path. */
export type Authorize = (token: string, path: string) => Promise<Verdict>;

/** An answer instead of the page. */
export interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What guards the metrics port. */
export interface PageAccessOptions {
  /** undefined: no token is asked for. */
  readonly authorize: Authorize | undefined;
  /** Only clients with a certificate get this far. */
  readonly needsCertificate: boolean;
}

const unauthenticated: Refusal = {
  status: 401,
  headers: { "www-authenticate": "Bearer" },
  body: "Refused: expected a bearer token of the cluster\n",
};

const notLoopback: Refusal = {
  status: 403,
  body: "Refused: pages under /debug/ are for loopback peers that name an address or localhost as host, or for mutual TLS\n",
};

/** Who gets which page of the metrics port (protocol 7.1, reliability T42). */
export class PageAccess {
  readonly #options: PageAccessOptions;

  constructor(options: PageAccessOptions) {
    this.#options = options;
  }

  /** Why the peer does not get `/metrics`; undefined: it does. */
  metrics(request: IncomingMessage): Refusal | undefined | Promise<Refusal | undefined> {
    const { authorize } = this.#options;
    return authorize && refusalOf(authorize, request, "/metrics");
  }

  /** Why the peer does not get a page under `/debug/`: it is not on this machine, and has no right by the rules of `/metrics`. */
  debug(request: IncomingMessage, path: string): Refusal | undefined | Promise<Refusal | undefined> {
    const { authorize, needsCertificate } = this.#options;
    const peer = { address: request.socket.remoteAddress, host: request.headers.host };
    if (mayDebug({ ...peer, hasCertificate: needsCertificate && authorize === undefined })) return undefined;
    return authorize === undefined ? notLoopback : refusalOf(authorize, request, path);
  }
}

async function refusalOf(
  authorize: Authorize,
  { headers }: IncomingMessage,
  path: string,
): Promise<Refusal | undefined> {
  const [, token] = /^bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
  if (token === undefined) return unauthenticated;
  const verdict = await authorize(token, path);
  switch (verdict.kind) {
    case "allowed":
      return undefined;
    case "unauthenticated":
      return unauthenticated;
    case "forbidden":
      return { status: 403, body: `Refused: "${verdict.user}" has no right to get ${path}\n` };
    case "unavailable":
      return { status: 503, headers: { "retry-after": "1" }, body: `Cannot check the token: ${verdict.reason}\n` };
  }
}
