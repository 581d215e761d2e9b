import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";

/** A certificate chain and its key, both PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** What a server accepts from those who connect. */
export interface TlsSettings {
  /** Nothing older than 1.2 is ever taken. */
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's names, colons between; undefined takes Node's list. */
  readonly ciphers: string | undefined;
}

export const defaultTlsSettings: TlsSettings = { minVersion: "TLSv1.2", ciphers: undefined };

/** Reads `tls.crt` and `tls.key` of a folder, unchecked. Rejects, naming the file, when one cannot be read. */
export async function readKeyPair(folder: string): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readPart(folder, "tls.crt"), readPart(folder, "tls.key")]);
  return { cert, key };
}

async function readPart(folder: string, name: string): Promise<Buffer> {
  const path = join(folder, name);
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`Cannot read certificate "${path}": ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The moment at which the certificate of a pair ends, in ms since 1970. Throws when the two do not make a pair; `origin` names
 * the pair in the error.
 */
export function checkKeyPair({ cert, key }: KeyPair, origin: string): number {
  try {
    createSecureContext({ cert, key });
    return Date.parse(new X509Certificate(cert).validTo);
  } catch (error) {
    const detail = (error as Error).message;
    throw new Error(`Cannot use certificate "${origin}": ${detail}, expected a PEM tls.crt and its tls.key`, {
      cause: error,
    });
  }
}

/** No TLS. */
export function plainCredentials(): ServerCredentials {
  return ServerCredentials.createInsecure();
}

/** TLS with a pair that can be replaced: connections to come get the new one, those that are open keep theirs. */
export class ReplaceableCredentials extends ServerCredentials {
  readonly #settings: TlsSettings;

  /** Throws when OpenSSL does not take the pair or the settings. */
  constructor(pair: KeyPair, settings: TlsSettings) {
    const context = contextOf(pair, settings);
    createSecureContext(context);
    super({ requestCert: false }, context);
    this.#settings = settings;
  }

  /** `pair` has passed `checkKeyPair`. */
  replace(pair: KeyPair): void {
    this.updateSecureContextOptions(contextOf(pair, this.#settings));
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

/** grpc-js hands all of this to the server again at a replacement: what is left out then is lost. */
function contextOf({ cert, key }: KeyPair, { minVersion, ciphers }: TlsSettings): SecureContextOptions {
  return { cert, key, minVersion, ...(ciphers === undefined ? {} : { ciphers, honorCipherOrder: true }) };
}
