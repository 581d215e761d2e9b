import { formatYaml } from "../lib/yaml-text.ts";
import {
  balancedCluster,
  destinationCluster,
  type Json,
  originalDestinationCluster,
  pickerCluster,
} from "./clusters.ts";
import type { BootstrapOptions, PickerRouting, SocketAddress } from "./options.ts";

/** Header that carries the picker's destination (protocol 2). */
const destinationHeader = "x-gateway-destination-endpoint";

/**
 * The Envoy bootstrap as YAML text. Same options, same text. One listener, one route to the cluster `model-servers`; with a
 * picker, the client's own destination header is removed before ext_proc asks the picker (reliability T01).
 */
export function formatBootstrap(options: BootstrapOptions): string {
  return formatYaml(buildBootstrap(options));
}

/** The Envoy bootstrap as plain data in the shape of `envoy.config.bootstrap.v3.Bootstrap`. */
export function buildBootstrap(options: BootstrapOptions): Json {
  return {
    admin: { address: socketAddress(options.admin) },
    ...(options.routing.kind === "picker" ? gracefulClose : {}),
    static_resources: { listeners: [listener(options)], clusters: clusters(options) },
  };
}

/**
 * Ends ext_proc streams by half-closing instead of RST_STREAM, Envoy's default. Node's HTTP/2 takes many resets for an attack:
 * above 33 a second it sends GOAWAY once 1,000 more have come, and requests on their way then are refused.
 */
const gracefulClose = {
  layered_runtime: {
    layers: [{ name: "static", static_layer: { "envoy.reloadable_features.ext_proc_graceful_grpc_close": true } }],
  },
};

function clusters({ routing, endpoints }: BootstrapOptions): Json[] {
  if (routing.kind === "balancer") return [balancedCluster(routing.policy, endpoints)];
  const modelServers =
    routing.host === "original-dst"
      ? originalDestinationCluster(destinationHeader)
      : destinationCluster(destinationHeader, endpoints);
  return [modelServers, pickerCluster(routing.pickers)];
}

function listener({ listen, routing }: BootstrapOptions): Json {
  const filters = routing.kind === "picker" ? [stripDestination(), askPicker(routing)] : [];
  const manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "inference",
    // The default, 100, counts what Envoy and the picker add too: a client with 97 headers would get a 500 (reliability F57b).
    common_http_protocol_options: { max_headers_count: 200 },
    http_filters: [...filters, router()],
    route_config: {
      name: "inference",
      virtual_hosts: [{ name: "inference", domains: ["*"], routes: [route()] }],
    },
  };
  return {
    name: "inference",
    address: socketAddress(listen),
    filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
  };
}

/** No route timeout: an answer may take minutes. What bounds a silent stream is Envoy's stream idle timeout of 5 minutes. */
function route(): Json {
  return { match: { prefix: "/" }, route: { cluster: "model-servers", timeout: "0s" } };
}

function stripDestination(): Json {
  return {
    name: "envoy.filters.http.header_mutation",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
      mutations: { request_mutations: [{ remove: destinationHeader }] },
    },
  };
}

const fullDuplex = { request: "FULL_DUPLEX_STREAMED", response: "FULL_DUPLEX_STREAMED" } as const;

/** The settings of protocol 1.1. `message_timeout` does not run with full-duplex bodies; a hung picker is found by its health check. */
function askPicker({ failOpen, bodyModes = fullDuplex }: PickerRouting): Json {
  return {
    name: "envoy.filters.http.ext_proc",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
      grpc_service: {
        envoy_grpc: { cluster_name: "endpoint-picker" },
        timeout: "10s",
        retry_policy: askAnotherPicker(),
      },
      processing_mode: {
        request_header_mode: "SEND",
        request_body_mode: bodyModes.request,
        request_trailer_mode: "SEND",
        response_header_mode: "SEND",
        response_body_mode: bodyModes.response,
        response_trailer_mode: "SEND",
      },
      message_timeout: "1000s",
      failure_mode_allow: failOpen,
      metadata_options: {
        forwarding_namespaces: { untyped: ["envoy.lb", "envoy.lb.subset_hint"] },
        receiving_namespaces: { untyped: ["envoy.lb"] },
      },
    },
  };
}

/**
 * Asks another picker when one cannot be reached or refuses a stream as it stops: it has seen nothing of the request then.
 * A picker that ends in the middle is not followed by another: what ended it could end that too.
 */
function askAnotherPicker(): Json {
  const previousHosts = {
    "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
  };
  return {
    retry_on: "connect-failure,refused-stream",
    num_retries: 2,
    retry_host_predicate: [{ name: "envoy.retry_host_predicates.previous_hosts", typed_config: previousHosts }],
    host_selection_retry_max_attempts: 3,
  };
}

function router(): Json {
  return {
    name: "envoy.filters.http.router",
    typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
  };
}

function socketAddress({ host, port }: SocketAddress): Json {
  return { socket_address: { address: host, port_value: port } };
}
