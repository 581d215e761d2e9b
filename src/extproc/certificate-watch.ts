import type { Clock } from "../lib/clock.ts";
import { checkKeyPair, type KeyPair, readKeyPair } from "./certificate.ts";

/** What came of a changed pair. `rejected`: the one in use stays. */
export type CertificateReload =
  | { readonly kind: "ok"; readonly pair: KeyPair; readonly expiresAtMs: number }
  | { readonly kind: "rejected"; readonly message: string };

/** What watching a certificate needs. */
export interface CertificateWatchOptions {
  /** Folder with `tls.crt` and `tls.key`. */
  readonly folder: string;
  /** The pair in use. */
  readonly current: KeyPair;
  readonly clock: Clock;
  /** Told of every change that lasts, once. */
  readonly onReload: (reload: CertificateReload) => void;
}

const pollMs = 1000;

/**
 * Reads the pair every second and tells when it has changed. The content is compared, which sees every way of replacing a
 * file, also the swapped links of a mounted Secret. A pair that cannot be used (unreadable, no pair, expired) is told only
 * when it is still the same a second later: two files cannot be replaced at once. Returns the function that ends it.
 */
export function watchCertificate(options: CertificateWatchOptions): () => void {
  const { folder, clock, onReload } = options;
  let settled = textOf(options.current);
  let suspect: string | undefined;
  let isClosed = false;
  let cancel: () => void = () => {};
  const poll = async (): Promise<void> => {
    const { text, reload } = await readReload(folder, clock.wallMs());
    if (isClosed) return;
    const isNew = text !== settled;
    if (isNew && (reload.kind === "ok" || text === suspect)) {
      settled = text;
      onReload(reload);
    }
    suspect = isNew ? text : undefined;
    schedule();
  };
  const schedule = (): void => {
    cancel = clock.after(pollMs, () => void poll());
  };
  schedule();
  return () => {
    isClosed = true;
    cancel();
  };
}

async function readReload(folder: string, wallMs: number): Promise<{ text: string; reload: CertificateReload }> {
  let text = "";
  try {
    const pair = await readKeyPair(folder);
    text = textOf(pair);
    const expiresAtMs = checkKeyPair(pair, folder);
    if (expiresAtMs <= wallMs) {
      const when = new Date(expiresAtMs).toISOString();
      throw new Error(`Cannot use certificate "${folder}": it ended at ${when}, expected one that is valid`);
    }
    return { text, reload: { kind: "ok", pair, expiresAtMs } };
  } catch (error) {
    const { message } = error as Error;
    return { text: text === "" ? message : text, reload: { kind: "rejected", message } };
  }
}

function textOf({ cert, key }: KeyPair): string {
  return `${cert.toString("latin1")}\n${key.toString("latin1")}`;
}
