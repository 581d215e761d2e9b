/**
 * Why a scrape gave nothing; the closed list that metrics and logs use.
 * - `timeout`: no connection in time, or no whole page before the deadline
 * - `connect-refused`, `connect-reset`: nobody listens, or the connection ended before a response began
 * - `status`: any status but 200, redirects included, which are never followed
 * - `encoding`: a compressed page though identity was asked for
 * - `too-large`: over the cap on bytes, lines or header
 * - `truncated`: the response ended before its end
 * - `malformed`: no HTTP, or no page of metrics
 * - `tls`: handshake or certificate
 */
export type ScrapeFailure =
  | "timeout"
  | "connect-refused"
  | "connect-reset"
  | "status"
  | "encoding"
  | "too-large"
  | "truncated"
  | "malformed"
  | "tls"
  | "other";

const byCode: ReadonlyMap<string, ScrapeFailure> = new Map([
  ["ECONNREFUSED", "connect-refused"],
  ["ECONNRESET", "connect-reset"],
  ["EPIPE", "connect-reset"],
  ["UND_ERR_SOCKET", "connect-reset"],
  ["UND_ERR_HEADERS_OVERFLOW", "too-large"],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "truncated"],
  ["ETIMEDOUT", "timeout"],
  ["EPROTO", "tls"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "tls"],
  ["CERT_HAS_EXPIRED", "tls"],
  ["CERT_NOT_YET_VALID", "tls"],
  ["HOSTNAME_MISMATCH", "tls"],
]);

const byPrefix: readonly (readonly [string, ScrapeFailure])[] = [
  ["ERR_TLS_", "tls"],
  ["ERR_SSL_", "tls"],
  ["UNABLE_TO_", "tls"],
];

/** The failure behind an error of the HTTP client. `hasResponse`: the response had begun, so the connection was accepted. */
export function classifyError(error: unknown, hasResponse: boolean): ScrapeFailure {
  // Parser errors of undici 7 carry no code.
  if (error instanceof Error && error.name === "HTTPParserError") return hasResponse ? "truncated" : "malformed";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const failure = byCode.get(code) ?? byPrefix.find(([prefix]) => code.startsWith(prefix))?.[1] ?? "other";
  return failure === "connect-reset" && hasResponse ? "truncated" : failure;
}
