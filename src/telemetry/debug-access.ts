import { isIP } from "node:net";

/** Who asks for a page under `/debug/`. */
export interface DebugPeer {
  /** Address of the other end of the connection; undefined when it is gone. */
  readonly address: string | undefined;
  /** The request's host header. */
  readonly host: string | undefined;
  /** The port takes only clients with a certificate. */
  readonly hasCertificate: boolean;
}

/**
 * Whether a peer gets pages under `/debug/`: with a certificate; else on this machine, naming an address or localhost as host.
 * A browser there may be led by a name that resolves to loopback, and then names that (reliability T42).
 */
export function mayDebug({ address = "", host = "", hasCertificate }: DebugPeer): boolean {
  if (hasCertificate) return true;
  const peer = address.replace(/^::ffff:/, "");
  if (peer !== "::1" && !(isIP(peer) === 4 && peer.startsWith("127."))) return false;
  const name = host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || isIP(name) !== 0;
}
