/** Why there was no answer. */
export type ConnectionFailureReason =
  | "timeout"
  | "connection"
  | "tls"
  | "dns"
  | "too-large"
  | "aborted"
  | "credentials";

/** The API server gave no answer, or none that could be read. */
export class ConnectionFailure extends Error {
  override readonly name = "ConnectionFailure";
  readonly reason: ConnectionFailureReason;

  constructor(reason: ConnectionFailureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What an error of a socket or of TLS means. */
export function connectionFailure(error: unknown): ConnectionFailure {
  if (error instanceof ConnectionFailure) return error;
  const { code = "", message, name } = error as NodeJS.ErrnoException;
  if (name === "AbortError") return new ConnectionFailure("aborted", "the request was ended");
  if (name === "KubeconfigError") return new ConnectionFailure("credentials", message);
  if (/^(ENOTFOUND|EAI_)/.test(code)) return new ConnectionFailure("dns", message);
  // Codes of certificate checks have words, codes of sockets begin with E.
  if (/CERT|SIGNATURE|ISSUER|SSL|TLS|ERR_OSSL|EPROTO/.test(code)) return new ConnectionFailure("tls", message);
  return new ConnectionFailure("connection", message || code);
}
