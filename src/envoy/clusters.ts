import { isIP } from "node:net";
import type { BalancerRouting, PickerAddress, SocketAddress } from "./options.ts";

/** Data that YAML and JSON can hold. */
export type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

/**
 * Envoy's default of 1,024 requests and connections a cluster is below what streamed answers hold open at once. So are its 3
 * retries: one counts until the stream that it opened ends.
 */
const circuitBreakers = {
  thresholds: [{ max_connections: 40_000, max_pending_requests: 40_000, max_requests: 40_000, max_retries: 40_000 }],
};

const connectTimeout = "2s";

/** Forwards to the address that `header` holds; nowhere (503) when there is none. */
export function originalDestinationCluster(header: string): Json {
  return {
    name: "model-servers",
    type: "ORIGINAL_DST",
    lb_policy: "CLUSTER_PROVIDED",
    connect_timeout: connectTimeout,
    original_dst_lb_config: { use_http_header: true, http_header_name: header },
    circuit_breakers: circuitBreakers,
  };
}

/** Forwards to the first healthy one of `endpoints` that `header` names, else by round robin. */
export function destinationCluster(header: string, endpoints: readonly SocketAddress[]): Json {
  const roundRobin = policy("envoy.load_balancing_policies.round_robin", {
    "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin",
  });
  const overrideHost = policy("envoy.load_balancing_policies.override_host", {
    "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost",
    override_host_sources: [{ header }],
    fallback_policy: roundRobin,
  });
  return { ...endpointsCluster(endpoints), load_balancing_policy: overrideHost };
}

/** Envoy's own balancing over `endpoints`: each in turn, or of two drawn at random the one with fewer requests open. */
export function balancedCluster(balancing: BalancerRouting["policy"], endpoints: readonly SocketAddress[]): Json {
  const lbPolicy = balancing === "round-robin" ? "ROUND_ROBIN" : "LEAST_REQUEST";
  return { ...endpointsCluster(endpoints), lb_policy: lbPolicy };
}

/**
 * HTTP/2 pings. What a hung picker holds ends by them alone: Envoy runs no message timeout with full-duplex bodies, and
 * does not close the connection of a picker that fails its health checks while streams are open on it (reliability F39b, decision 24).
 */
const keepalive = { interval: "1s", timeout: "3s" };

/**
 * The pickers' ext_proc service. The gRPC health of each is asked every second on the health port without TLS. A picker that does
 * not answer gets no new streams after two checks; those it holds end with its connection, once a ping has not been answered.
 * No panic mode, so that a dead picker fails at once.
 */
export function pickerCluster(pickers: readonly PickerAddress[]): Json {
  const isSecure = pickers.some((picker) => picker.isSecure);
  const lbEndpoints = pickers.map(({ host, port, healthPort }) => ({
    endpoint: {
      address: { socket_address: { address: host, port_value: port } },
      health_check_config: { port_value: healthPort },
    },
  }));
  return {
    name: "endpoint-picker",
    type: discoveryType(pickers),
    connect_timeout: connectTimeout,
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: { connection_keepalive: keepalive } },
      },
    },
    ...(isSecure ? secureTransport : {}),
    load_assignment: { cluster_name: "endpoint-picker", endpoints: [{ lb_endpoints: lbEndpoints }] },
    health_checks: [healthCheck(isSecure)],
    close_connections_on_host_health_failure: true,
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    circuit_breakers: circuitBreakers,
  };
}

function healthCheck(isSecure: boolean): Json {
  return {
    interval: "1s",
    no_traffic_interval: "1s",
    timeout: "1s",
    unhealthy_threshold: 2,
    healthy_threshold: 1,
    grpc_health_check: { service_name: "envoy.service.ext_proc.v3.ExternalProcessor" },
    ...(isSecure ? { transport_socket_match_criteria: plaintext } : {}),
  };
}

const plaintext = { plaintext: true };

/** TLS for ext_proc; what matches `plaintext`, as the health check does, goes without. */
const secureTransport = {
  transport_socket: {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      common_tls_context: { alpn_protocols: ["h2"] },
    },
  },
  transport_socket_matches: [
    {
      name: "health",
      match: plaintext,
      transport_socket: {
        name: "envoy.transport_sockets.raw_buffer",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer" },
      },
    },
  ],
};

function endpointsCluster(endpoints: readonly SocketAddress[]): { readonly [key: string]: Json } {
  const lbEndpoints = endpoints.map(({ host, port }) => ({
    endpoint: { address: { socket_address: { address: host, port_value: port } } },
  }));
  return {
    name: "model-servers",
    type: discoveryType(endpoints),
    connect_timeout: connectTimeout,
    load_assignment: { cluster_name: "model-servers", endpoints: [{ lb_endpoints: lbEndpoints }] },
    circuit_breakers: circuitBreakers,
  };
}

function policy(name: string, config: Json): Json {
  return { policies: [{ typed_extension_config: { name, typed_config: config } }] };
}

function discoveryType(addresses: readonly SocketAddress[]): "STATIC" | "STRICT_DNS" {
  return addresses.every(({ host }) => isIP(host) !== 0) ? "STATIC" : "STRICT_DNS";
}
