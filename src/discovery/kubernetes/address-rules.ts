import { BlockList, isIP } from "node:net";
import { normalizeIp } from "../../lib/ip-address.ts";
import type { Pod } from "./pod.ts";

/** Why a pod's address gets no traffic (reliability T31). */
export type DeniedAddress =
  | "loopback"
  | "link-local"
  | "metadata"
  | "unspecified"
  | "multicast"
  | "broadcast"
  | "embedded-ipv4"
  | "node"
  | "api-server";

/** What is let through all the same. */
export interface AddressRules {
  /** For tests: 127.0.0.0/8 and ::1. */
  readonly allowLoopback: boolean;
  /** Pods on their node's address, which `hostNetwork` gives them. */
  readonly allowHostNetwork: boolean;
  /** Where the API server is, IP addresses; others are ignored. */
  readonly apiServerHosts: readonly string[];
}

/** Ranges in CIDR notation, in the order in which they are asked. */
const ranges: readonly (readonly [reason: DeniedAddress, cidrs: readonly string[]])[] = [
  // Before link-local, which 169.254.169.254 is too.
  ["metadata", ["169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32"]],
  ["metadata", ["100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128"]],
  ["loopback", ["127.0.0.0/8", "::1/128"]],
  ["link-local", ["169.254.0.0/16", "fe80::/10"]],
  ["unspecified", ["0.0.0.0/8", "::/128"]],
  ["multicast", ["224.0.0.0/4", "ff00::/8"]],
  ["broadcast", ["255.255.255.255/32"]],
  // An IPv4 address inside of an IPv6 one: mapped, compatible, translated (NAT64), 6to4. No pod has such an address.
  ["embedded-ipv4", ["::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"]],
];

const lists = ranges.map(([reason, cidrs]) => ({ reason, list: listOf(cidrs) }));

/** Says why the address of a pod that has one must not get traffic; undefined when it may. */
export function denyAddress(pod: Pick<Pod, "ip" | "isOnNodeAddress">, rules: AddressRules): DeniedAddress | undefined {
  const { ip } = pod;
  if (ip === undefined) return undefined;
  const reason = rangeOf(ip);
  if (reason === "loopback" && rules.allowLoopback) return undefined;
  if (reason !== undefined) return reason;
  if (rules.apiServerHosts.some((host) => normalizeIp(host) === ip)) return "api-server";
  return pod.isOnNodeAddress && !rules.allowHostNetwork ? "node" : undefined;
}

function rangeOf(ip: string): DeniedAddress | undefined {
  const family = isIP(ip) === 4 ? "ipv4" : "ipv6";
  return lists.find(({ list }) => list[family].check(ip, family))?.reason;
}

/** A list each, since one list takes an IPv4 address inside of an IPv6 one for that IPv4 address. */
function listOf(cidrs: readonly string[]): { readonly ipv4: BlockList; readonly ipv6: BlockList } {
  const list = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const cidr of cidrs) {
    const [address = "", prefix] = cidr.split("/");
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    list[family].addSubnet(address, Number(prefix), family);
  }
  return list;
}
