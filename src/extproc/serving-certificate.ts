import type { Clock } from "../lib/clock.ts";
import { checkKeyPair, type KeyPair, readKeyPair, ReplaceableCredentials, type TlsSettings } from "./certificate.ts";
import { watchCertificate } from "./certificate-watch.ts";

/** Where a served certificate comes from. */
export type CertificateOrigin = "file" | "self-signed";

/** Told of the certificate that is served. */
export interface CertificateObserver {
  /** From now on a certificate of this origin is served, which ends at `expiresAtMs` (ms since 1970). */
  serving(origin: CertificateOrigin, expiresAtMs: number): void;
  /** The files have changed: the new pair is served, or cannot be for the reason that `problem` tells. */
  reloaded(problem: string | undefined): void;
}

/** What serving a certificate needs. */
export interface CertificateOptions {
  /** Folder with `tls.crt` and `tls.key`; undefined makes a self-signed pair. */
  readonly folder: string | undefined;
  /** Take over changes of the files. */
  readonly isWatched: boolean;
  readonly settings: TlsSettings;
  readonly clock: Clock;
  readonly observer: CertificateObserver;
}

/** A certificate that is served. */
export interface ServingCertificate {
  readonly credentials: ReplaceableCredentials;
  /** Stops watching the files. */
  readonly close: () => void;
}

/** Reads or makes the pair to serve. Rejects when it cannot be read or used. An expired one is served: that is for hosts to judge. */
export async function startCertificate(options: CertificateOptions): Promise<ServingCertificate> {
  const { folder, settings, clock, observer } = options;
  const pair = folder === undefined ? await makePair(clock) : await readKeyPair(folder);
  const expiresAtMs = checkKeyPair(pair, folder ?? "self-signed");
  const credentials = new ReplaceableCredentials(pair, settings);
  observer.serving(folder === undefined ? "self-signed" : "file", expiresAtMs);
  if (folder === undefined || !options.isWatched) return { credentials, close: () => {} };
  const close = watchCertificate({
    folder,
    current: pair,
    clock,
    onReload: (reload) => {
      if (reload.kind === "rejected") return observer.reloaded(reload.message);
      credentials.replace(reload.pair);
      observer.serving("file", reload.expiresAtMs);
      observer.reloaded(undefined);
    },
  });
  return { credentials, close };
}

async function makePair(clock: Clock): Promise<KeyPair> {
  // Loaded only where needed: it takes a quarter of a second.
  const { createSelfSigned } = await import("./self-signed.ts");
  return createSelfSigned(clock.wallMs());
}
