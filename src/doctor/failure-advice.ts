import { printableText } from "../lib/printable-text.ts";
import type { FailedRead } from "./observation.ts";

/** A failure in plain words. */
export interface ExplainedFailure {
  readonly message: string;
  readonly advice: string;
}

type Explain = (detail: string, address: string) => readonly [message: string, advice: string];

const byReason: Readonly<Record<Exclude<FailedRead["reason"], "status">, Explain>> = {
  unresolved: (detail) => [detail, "correct the host name in the endpoints file, or give an address"],
  timeout: (detail, address) => [
    `${address} does not answer in time: ${detail}`,
    "look for a firewall or a wrong address when there is no connection, for a busy server when there is no page",
  ],
  "connect-refused": (_, address) => [
    `nobody listens on ${address} (connection refused)`,
    "start the model server, or correct address and port",
  ],
  "connect-reset": (_, address) => [
    `${address} ends the connection without an answer`,
    "look whether the port speaks HTTP (scheme https in metrics-data-source for TLS) and whether the server restarts",
  ],
  encoding: (detail) => [
    `the page is compressed though identity was asked for (${detail})`,
    "turn compression of the metrics page off, also in a proxy before it",
  ],
  "too-large": (detail) => [
    `the page is too large to be read: ${detail}`,
    "drop metrics with many labels on the server; 4 MiB, 20,000 lines and 1,024 wanted series are read",
  ],
  truncated: (detail) => [
    `the page ends before its end: ${detail}`,
    "look for a proxy that cuts answers, or a server that restarts",
  ],
  malformed: (detail) => [
    `the answer is no page of metrics: ${detail}`,
    "correct port and path (metrics-data-source): this is another service, or a page that is no Prometheus text",
  ],
  "tls-expired": (detail) => [`the server's certificate is out of its time: ${detail}`, "renew the certificate"],
  "tls-name": (detail) => [
    `the server's certificate is for another name: ${detail}`,
    "issue it for the address or name in the endpoints file",
  ],
  "tls-untrusted": (detail) => [
    `the server's certificate is signed by nobody known: ${detail}`,
    "name the authority in caCertPath of metrics-data-source",
  ],
  "tls-plaintext": (_, address) => [
    `${address} does not speak TLS`,
    "set scheme http in metrics-data-source, or the port that speaks TLS",
  ],
  "tls-version": () => ["the server offers only TLS versions below 1.2", "let the server speak TLS 1.2 or newer"],
  tls: (detail) => [
    `the TLS handshake fails: ${detail}`,
    "look whether the server wants a client certificate (clientCertPath, clientKeyPath of metrics-data-source)",
  ],
  other: (detail) => [`the page cannot be fetched: ${detail}`, "look whether the address can be reached from here"],
};

/** Says what went wrong at `address` and what to try. `path` is that of the page. */
export function explainFailure(
  { reason, detail, status }: FailedRead,
  address: string,
  path: string,
): ExplainedFailure {
  const [message, advice] = reason === "status" ? explainStatus(status ?? 0, path) : byReason[reason](detail, address);
  return { message: printableText(message, 300), advice };
}

function explainStatus(status: number, path: string): readonly [message: string, advice: string] {
  const what = `${printableText(path)} answers with status ${status}`;
  if (status >= 300 && status < 400) {
    return [`${what}, a redirect, which is never followed`, "set path, port or scheme to where it leads"];
  }
  if (status === 401 || status === 403) {
    return [`${what}: it wants credentials, the picker sends none`, "let the picker read the page without any"];
  }
  if (status === 404) {
    return [
      `${what}: there is no such page`,
      "set path and port in metrics-data-source; some servers print metrics only when told to (SGLang: --enable-metrics)",
    ];
  }
  if (status >= 500) return [`${what}: the server fails`, "look into the log of the model server"];
  return [`${what}, expected 200`, "set path and port in metrics-data-source to the page of metrics"];
}
