import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";

/** A certificate chain and its key, both PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Reads `tls.crt` and `tls.key` of a folder. Throws, naming the file, when one cannot be read or they do not make a pair. */
export function readKeyPair(folder: string): KeyPair {
  const pair = { cert: readPart(folder, "tls.crt"), key: readPart(folder, "tls.key") };
  serverCredentials(pair, folder);
  return pair;
}

function readPart(folder: string, name: string): Buffer {
  const path = join(folder, name);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`Cannot read certificate "${path}": ${(error as Error).message}`, { cause: error });
  }
}

/** Server credentials of a pair; without one, plain HTTP/2. `origin` names the pair in the error for a bad one. */
export function serverCredentials(pair: KeyPair | undefined, origin: string): ServerCredentials {
  if (pair === undefined) return ServerCredentials.createInsecure();
  try {
    createSecureContext({ cert: pair.cert, key: pair.key });
    return ServerCredentials.createSsl(null, [{ cert_chain: pair.cert, private_key: pair.key }], false);
  } catch (error) {
    const detail = (error as Error).message;
    throw new Error(`Cannot use certificate "${origin}": ${detail}, expected a PEM tls.crt and its tls.key`, {
      cause: error,
    });
  }
}
