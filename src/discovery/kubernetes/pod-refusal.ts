import { type AddressRules, denyAddress } from "./address-rules.ts";
import type { ApiServer } from "./api-server.ts";
import type { Pod } from "./pod.ts";
import type { PodRefusal } from "./pod-membership.ts";

/** Which pods may be members of a pool. */
export interface PodRules extends Partial<Pick<AddressRules, "allowLoopback" | "allowHostNetwork">> {
  /** Only pods that run as this service account are members; default: all. */
  readonly podServiceAccount?: string | undefined;
}

/** Returns a function that says why a pod must not be a member; undefined when it may. Addresses as in `denyAddress`. */
export function podRefusals(rules: PodRules, api: Pick<ApiServer, "url">): (pod: Pod) => PodRefusal | undefined {
  const { podServiceAccount, allowLoopback = false, allowHostNetwork = false } = rules;
  const apiServerHosts = [new URL(api.url).hostname.replace(/^\[|\]$/g, "")];
  return (pod) => {
    if (podServiceAccount !== undefined && pod.serviceAccount !== podServiceAccount) return "service-account";
    return denyAddress(pod, { allowLoopback, allowHostNetwork, apiServerHosts });
  };
}
