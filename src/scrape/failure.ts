/**
 * Why a scrape gave nothing; the closed list that metrics and logs use.
 * - `timeout`: no connection in time, or no whole page before the deadline
 * - `connect-refused`, `connect-reset`: nobody listens, or the connection ended before a response began
 * - `status`: any status but 200, redirects included, which are never followed
 * - `encoding`: a compressed page though identity was asked for
 * - `too-large`: over the cap on bytes, lines or header
 * - `truncated`: the response ended before its end
 * - `malformed`: no HTTP, or no page of metrics
 * - `tls-expired`, `tls-name`, `tls-untrusted`: the certificate is out of its time, for another name, or signed by nobody known
 * - `tls-plaintext`: what came is no TLS
 * - `tls-version`: only a TLS version below 1.2
 * - `tls`: anything else about the handshake
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
  | "tls-expired"
  | "tls-name"
  | "tls-untrusted"
  | "tls-plaintext"
  | "tls-version"
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
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls-untrusted"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "tls-untrusted"],
  ["INVALID_CA", "tls-untrusted"],
  ["INVALID_PURPOSE", "tls-untrusted"],
  ["PATH_LENGTH_EXCEEDED", "tls-untrusted"],
  ["CERT_HAS_EXPIRED", "tls-expired"],
  ["CERT_NOT_YET_VALID", "tls-expired"],
  ["HOSTNAME_MISMATCH", "tls-name"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "tls-name"],
  // What OpenSSL makes of an HTTP answer to its greeting, by version.
  ["ERR_SSL_WRONG_VERSION_NUMBER", "tls-plaintext"],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "tls-plaintext"],
  ["ERR_SSL_HTTP_REQUEST", "tls-plaintext"],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", "tls-version"],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "tls-version"],
]);

const byPrefix: readonly (readonly [string, ScrapeFailure])[] = [
  ["ERR_TLS_", "tls"],
  ["ERR_SSL_", "tls"],
  ["UNABLE_TO_", "tls-untrusted"],
  ["CERT_", "tls-untrusted"],
];

/** The failure behind an error of the HTTP client. `hasResponse`: the response had begun, so the connection was accepted. */
export function classifyError(error: unknown, hasResponse: boolean): ScrapeFailure {
  if (!(error instanceof Error)) return "other";
  if (isBadHttp(error)) return hasResponse ? "truncated" : "malformed";
  const code = "code" in error ? String(error.code) : "";
  const failure = byCode.get(code) ?? byPrefix.find(([prefix]) => code.startsWith(prefix))?.[1] ?? "other";
  return failure === "connect-reset" && hasResponse ? "truncated" : failure;
}

/** Parser errors of undici 7 carry no code; a 100, and a switch of protocols that nobody asked for, the code of a reset. */
function isBadHttp({ name, message }: Error): boolean {
  return name === "HTTPParserError" || message === "bad response" || message === "bad upgrade";
}
