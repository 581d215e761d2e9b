import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";
import type { buildConnector } from "undici";

/** How servers are spoken to over TLS. */
export interface TlsSettings {
  /** Authorities, client certificate and lowest version; one for all endpoints. */
  readonly secureContext: SecureContext;
  /** Verify the server's certificate and its address. */
  readonly verify: boolean;
}

/** Where to connect to. */
export interface ConnectorOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsSettings | undefined;
}

/**
 * Connects an HTTP client to one address, whatever it asks for. The client's own connector leaves a socket that has not
 * connected yet to the system when the client is destroyed, and a black hole keeps it for two minutes.
 */
export class Connector {
  readonly #options: ConnectorOptions;
  #pending: Socket | undefined;

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** For the client's option of this name. */
  readonly connect: buildConnector.connector = (_options, callback) => {
    const { tls } = this.#options;
    const socket = this.#open();
    this.#pending = socket;
    const onError = (error: Error): void => settle(() => callback(error, null));
    const onReady = (): void => settle(() => callback(null, socket as Parameters<typeof callback>[1] & object));
    const settle = (then: () => void): void => {
      if (this.#pending === socket) this.#pending = undefined;
      socket.off("error", onError);
      then();
    };
    socket.once("error", onError).once(tls === undefined ? "connect" : "secureConnect", onReady);
  };

  /** Closes a socket that is not connected yet. */
  abandon(): void {
    // The client has forgotten the socket, so nobody waits for its end.
    this.#pending?.on("error", () => {}).destroy();
    this.#pending = undefined;
  }

  #open(): Socket {
    const { host, port, tls } = this.#options;
    const target = { host, port, noDelay: true };
    if (tls === undefined) return connectTcp(target);
    const { secureContext, verify } = tls;
    return connectTls({ ...target, secureContext, rejectUnauthorized: verify, ALPNProtocols: ["http/1.1"] });
  }
}
