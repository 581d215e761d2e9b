import assert from "node:assert/strict";
import type { Json } from "../../src/envoy/clusters.ts";

/** A cluster of a bootstrap, as far as tests change it. */
interface ClusterEntry {
  name: string;
  load_assignment?: unknown;
  typed_extension_protocol_options?: unknown;
}

/** An HTTP filter of a bootstrap. */
interface FilterEntry {
  readonly name: string;
  readonly typed_config: { readonly grpc_service?: unknown; readonly [field: string]: unknown };
}

/** The parts of a bootstrap that tests change. */
interface Bootstrap {
  readonly static_resources: {
    readonly clusters: ClusterEntry[];
    readonly listeners: readonly {
      readonly filter_chains: readonly { readonly filters: readonly { readonly typed_config: Manager }[] }[];
    }[];
  };
}

interface Manager {
  http_filters: FilterEntry[];
  readonly route_config: { readonly virtual_hosts: readonly { routes: unknown[] }[] };
}

/** A copy of `bootstrap` that `change` may write to. */
function changed(bootstrap: Json, change: (copy: Bootstrap, manager: Manager) => void): Json {
  const copy = structuredClone(bootstrap) as unknown as Bootstrap;
  const manager = copy.static_resources.listeners[0]?.filter_chains[0]?.filters[0]?.typed_config;
  assert.ok(manager);
  change(copy, manager);
  return copy as unknown as Json;
}

function clusterOf({ static_resources: { clusters } }: Bootstrap, name: string): ClusterEntry {
  const found = clusters.find((cluster) => cluster.name === name);
  assert.ok(found);
  return found;
}

/** Envoy speaks HTTP/2 without TLS to the model servers, as to a pool whose appProtocol is kubernetes.io/h2c. */
export const overHttp2 = (bootstrap: Json): Json =>
  changed(bootstrap, (copy) => {
    clusterOf(copy, "model-servers").typed_extension_protocol_options = {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    };
  });

/** Envoy tells the picker which address served, in the response's metadata as protocol 2 has it. */
export const reportingServed = (bootstrap: Json): Json =>
  changed(bootstrap, (_, manager) => {
    const header = "x-served";
    const toMetadata = {
      name: "envoy.filters.http.header_to_metadata",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
        response_rules: [
          {
            header,
            on_header_present: { metadata_namespace: "envoy.lb", key: "x-gateway-destination-endpoint-served" },
            remove: true,
          },
        ],
      },
    };
    const served = {
      append: {
        header: { key: header, value: "%UPSTREAM_REMOTE_ADDRESS%" },
        append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
      },
    };
    const fromUpstream = {
      name: "envoy.filters.http.header_mutation",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations: { response_mutations: [served] },
      },
    };
    // Responses pass the filters from the last to the first.
    manager.http_filters.splice(-1, 0, toMetadata, fromUpstream);
  });

/** Where a second picker of a weighted route is. */
export interface SecondPicker {
  readonly port: number;
  readonly healthPort: number;
  /** Share of the requests that go to it, in percent. */
  readonly weight: number;
}

/** A route of two pools by weight: the first has the picker of the bootstrap, the second one of its own. */
export const withSecondPool =
  ({ port, healthPort, weight }: SecondPicker) =>
  (bootstrap: Json): Json =>
    changed(bootstrap, (copy, manager) => {
      const [host] = manager.route_config.virtual_hosts;
      const askPicker = manager.http_filters.find(({ name }) => name === "envoy.filters.http.ext_proc");
      assert.ok(host && askPicker);
      const endpoint = {
        address: { socket_address: { address: "127.0.0.1", port_value: port } },
        health_check_config: { port_value: healthPort },
      };
      copy.static_resources.clusters.push(
        { ...clusterOf(copy, "model-servers"), name: "model-servers-2" },
        {
          ...clusterOf(copy, "endpoint-picker"),
          name: "endpoint-picker-2",
          load_assignment: { cluster_name: "endpoint-picker-2", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        },
      );
      const overrides = { grpc_service: { envoy_grpc: { cluster_name: "endpoint-picker-2" }, timeout: "10s" } };
      const perRoute = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute",
        overrides,
      };
      const clusters = [
        { name: "model-servers", weight: 100 - weight },
        { name: "model-servers-2", weight, typed_per_filter_config: { [askPicker.name]: perRoute } },
      ];
      host.routes = [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters }, timeout: "0s" } }];
    });
