import type { BootstrapOptions, PickerHost, SocketAddress } from "../../src/envoy/options.ts";

/** Where the example bootstraps under manifests/envoy listen and what they call. */
export function exampleOptions(
  routing: BootstrapOptions["routing"],
  endpoints: readonly SocketAddress[],
): BootstrapOptions {
  return { listen: { host: "127.0.0.1", port: 8081 }, admin: { host: "127.0.0.1", port: 19000 }, routing, endpoints };
}

/** Routing through a picker on its default ports. */
export function pickerRouting(
  host: PickerHost,
  more: { failOpen?: boolean; isSecure?: boolean } = {},
): BootstrapOptions["routing"] {
  const picker = { host: "127.0.0.1", port: 9002, healthPort: 9003, isSecure: more.isSecure ?? true };
  return { kind: "picker", host, pickers: [picker], failOpen: more.failOpen ?? false };
}
