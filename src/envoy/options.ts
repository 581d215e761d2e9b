/** Where something listens. `host` is an IP address without brackets, or a host name where that is said to be possible. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** Where Envoy finds the picker. */
export interface PickerAddress extends SocketAddress {
  /** Port of the picker's gRPC health service, which is plain also when ext_proc is not; 9003 by default (protocol 7.1). */
  readonly healthPort: number;
  /** ext_proc is spoken over TLS. The certificate is not verified: by default it is self-signed. */
  readonly isSecure: boolean;
}

/**
 * How Envoy reaches the endpoint that the picker names. `original-dst` forwards to whatever address the header holds;
 * `override-host` only to the endpoints it was configured with, tries a list in order, and balances by itself when the
 * header is missing or names a stranger.
 */
export type PickerHost = "original-dst" | "override-host";

/** Envoy's `ProcessingMode.BodySendMode`, as far as a picker answers it. */
export type BodySendMode = "NONE" | "STREAMED" | "BUFFERED" | "FULL_DUPLEX_STREAMED";

/** Routing through the picker. */
export interface PickerRouting {
  readonly kind: "picker";
  readonly host: PickerHost;
  /** The pickers of the pool; Envoy asks any that is healthy. All of them with TLS, or none. */
  readonly pickers: readonly PickerAddress[];
  /** How bodies are sent to the picker; default full duplex both ways, the only mode that sees every byte before the pick. */
  readonly bodyModes?: { readonly request: BodySendMode; readonly response: BodySendMode };
  /** Without a picker: true lets requests on without a destination, false answers 500. */
  readonly failOpen: boolean;
}

/** Routing by Envoy's own load balancing, with no picker. */
export interface BalancerRouting {
  readonly kind: "balancer";
  readonly policy: "round-robin" | "least-request";
}

/** What an Envoy bootstrap is made from. */
export interface BootstrapOptions {
  readonly listen: SocketAddress;
  /** Envoy's admin interface has no protection: loopback only. */
  readonly admin: SocketAddress;
  readonly routing: PickerRouting | BalancerRouting;
  /** The model servers; host names are resolved by Envoy. Not used with `original-dst`. */
  readonly endpoints: readonly SocketAddress[];
}
