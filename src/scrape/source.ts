import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import type { TlsSettings } from "./connect.ts";

/** Where pages are and how to get them, the same for every endpoint. */
export interface SourceSettings {
  readonly scheme: "http" | "https";
  readonly path: string;
  /** undefined: each endpoint's own port. */
  readonly port?: number | undefined;
  readonly insecureSkipVerify: boolean;
  /** Files in PEM; undefined: the system's authorities, no client certificate. */
  readonly caCertPath?: string | undefined;
  readonly clientCertPath?: string | undefined;
  readonly clientKeyPath?: string | undefined;
}

/** A source whose files are read. */
export interface ScrapeSource {
  readonly path: string;
  readonly port: number | undefined;
  readonly tls: TlsSettings | undefined;
}

/** Reads the files of a source; throws an error that names the file that is unreadable or not what it should be. */
export function openSource(settings: SourceSettings): ScrapeSource {
  const { scheme, path, port, insecureSkipVerify } = settings;
  if (scheme === "http") return { path, port, tls: undefined };
  return { path, port, tls: { secureContext: readContext(settings), verify: !insecureSkipVerify } };
}

/**
 * Time from one scrape to the next. An interval of the source's own that is shorter than `baseMs` holds, down to 50 ms; a
 * longer one is rounded to a multiple of it (protocol 5.3).
 */
export function scrapeIntervalMs(baseMs: number, ownMs: number | undefined): number {
  if (ownMs === undefined) return baseMs;
  return ownMs <= baseMs ? Math.max(50, ownMs) : Math.round(ownMs / baseMs) * baseMs;
}

function readContext({ caCertPath, clientCertPath, clientKeyPath }: SourceSettings): SecureContext {
  const ca = readPem("authorities", caCertPath);
  const cert = readPem("client certificate", clientCertPath);
  const key = readPem("client key", clientKeyPath);
  // One after the other, so that the error names the file that is at fault.
  check("authorities", caCertPath, () => readCertificates(ca));
  check("client certificate", clientCertPath, () => createSecureContext({ cert }));
  check("client key", clientKeyPath, () => createSecureContext({ key }));
  check("client key", clientKeyPath, () => createSecureContext({ cert, key }));
  return createSecureContext({ ca, cert, key, minVersion: "TLSv1.2" });
}

function check(what: string, file: string | undefined, use: () => void): void {
  try {
    use();
  } catch (error) {
    const message = `Cannot use ${what} "${file}": ${(error as Error).message}, expected PEM that fits`;
    throw new Error(message, { cause: error });
  }
}

/** OpenSSL skips authorities that it cannot read, so each is looked at by itself; throws for one that is none. */
function readCertificates(pem: string | undefined): void {
  if (pem === undefined) return;
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
  if (blocks.length === 0) throw new Error("no certificate");
  for (const block of blocks) new X509Certificate(block);
}

function readPem(what: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`Cannot read ${what} "${file}": ${(error as Error).message}, expected a PEM file`, {
      cause: error,
    });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new Error(`Cannot use ${what} "${file}": no PEM block, expected a PEM file`);
}
