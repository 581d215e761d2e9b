import assert from "node:assert/strict";
import { test } from "node:test";
import { type AddressRules, denyAddress } from "../../../src/discovery/kubernetes/address-rules.ts";
import { readPod } from "../../../src/discovery/kubernetes/pod.ts";
import { aPod } from "../../support/kube-objects.ts";

const strict: AddressRules = {
  allowLoopback: false,
  allowHostNetwork: false,
  apiServerHosts: ["10.96.0.1", "fd00::0:1", "api.example"],
};

const deny = (
  ip: string,
  rules = strict,
  more: { hostNetwork?: boolean; hostIp?: string } = {},
): string | undefined => {
  const pod = readPod(aPod({ ip, ...more }));
  return pod === undefined ? assert.fail("the pod was not read") : denyAddress(pod, rules);
};

for (const [ip, want] of [
  ["10.0.0.1", undefined],
  ["192.168.1.2", undefined],
  ["100.64.0.1", undefined],
  ["240.10.0.1", undefined],
  ["2001:db8::1", undefined],
  ["fd12:3456::1", undefined],
  ["127.0.0.1", "loopback"],
  ["127.9.8.7", "loopback"],
  ["::1", "loopback"],
  ["0:0:0:0:0:0:0:1", "loopback"],
  ["169.254.0.5", "link-local"],
  ["fe80::1", "link-local"],
  ["febf::1", "link-local"],
  ["169.254.169.254", "metadata"],
  ["169.254.170.2", "metadata"],
  ["100.100.100.200", "metadata"],
  ["168.63.129.16", "metadata"],
  ["fd00:ec2::254", "metadata"],
  ["0.0.0.0", "unspecified"],
  ["0.1.2.3", "unspecified"],
  ["::", "unspecified"],
  ["224.0.0.1", "multicast"],
  ["239.255.255.255", "multicast"],
  ["ff02::1", "multicast"],
  ["255.255.255.255", "broadcast"],
  ["::ffff:127.0.0.1", "embedded-ipv4"],
  ["::ffff:10.0.0.1", "embedded-ipv4"],
  ["::ffff:a9fe:a9fe", "embedded-ipv4"],
  ["::10.0.0.1", "embedded-ipv4"],
  ["64:ff9b::169.254.169.254", "embedded-ipv4"],
  ["2002:7f00:1::1", "embedded-ipv4"],
  ["10.96.0.1", "api-server"],
  ["FD00::1", "api-server"],
] as const) {
  test(`T31 ${ip} is ${want ?? "let through"}`, () => assert.equal(deny(ip), want));
}

test("T31 a pod on its node's address is refused unless host networks are allowed", () => {
  assert.equal(deny("10.0.0.7", strict, { hostNetwork: true }), "node");
  assert.equal(deny("10.0.0.7", strict, { hostIp: "10.0.0.7" }), "node");
  assert.equal(deny("10.0.0.7", { ...strict, allowHostNetwork: true }, { hostNetwork: true }), undefined);
  assert.equal(deny("10.96.0.1", { ...strict, allowHostNetwork: true }, { hostNetwork: true }), "api-server");
});

test("T31 allowing loopback lets nothing else through", () => {
  const loose = { ...strict, allowLoopback: true };
  assert.deepEqual(
    ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0"].map((ip) => deny(ip, loose)),
    [undefined, undefined, "metadata", "embedded-ipv4", "unspecified"],
  );
});

test("a pod without an address is not judged", () => assert.equal(deny(""), undefined));
