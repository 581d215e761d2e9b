import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchesSelector, type Pod, readPod } from "../../../src/discovery/kubernetes/pod.ts";
import { aPod } from "../../support/kube-objects.ts";

const read = (raw: unknown): Pod => readPod(raw) ?? assert.fail("the pod was not read");
const withStatus = (status: unknown): unknown => ({ ...aPod(), status });
const ready = [{ type: "Ready", status: "True" }];

test("F15 a pod is ready by its condition and its deletion alone; the phase does not count", () => {
  assert.equal(read(aPod()).isReady, true);
  assert.equal(read(aPod({ isReady: false })).isReady, false);
  assert.equal(read(aPod({ isTerminating: true })).isReady, false);
  assert.equal(read(withStatus({ phase: "Failed", podIP: "10.0.0.1", conditions: ready })).isReady, true);
  assert.equal(read(withStatus({ phase: "Running", podIP: "10.0.0.1", conditions: [] })).isReady, false);
  assert.equal(read(withStatus({ conditions: [{ type: "Ready", status: "Unknown" }] })).isReady, false);
  assert.equal(read(withStatus({ conditions: [{ type: "Ready", status: true }] })).isReady, false);
});

test("F32 addresses: none, IPv4, IPv6, dual stack, and what is no address", () => {
  const ipOf = (status: object): string | undefined => read(withStatus({ ...status, conditions: ready })).ip;
  assert.equal(ipOf({}), undefined);
  assert.equal(ipOf({ podIP: "" }), undefined);
  assert.equal(ipOf({ podIP: "10.1.2.3" }), "10.1.2.3");
  assert.equal(ipOf({ podIP: "2001:DB8:0::1" }), "2001:db8::1");
  assert.equal(ipOf({ podIP: "10.1.2.3", podIPs: [{ ip: "10.1.2.3" }, { ip: "2001:db8::1" }] }), "10.1.2.3");
  assert.equal(ipOf({ podIPs: [{ ip: "2001:db8::1" }, { ip: "10.1.2.3" }] }), "2001:db8::1");
  assert.equal(ipOf({ podIPs: null }), undefined);
  assert.equal(ipOf({ podIPs: [null] }), undefined);
  assert.equal(ipOf({ podIP: "fe80::1%eth0" }), undefined);
  assert.equal(ipOf({ podIP: "host.example" }), undefined);
  assert.equal(ipOf({ podIP: 7 }), undefined);
});

test("F32 null conditions, null labels and annotations of 1 MB do not stop a pod from being read", () => {
  assert.equal(read(withStatus({ conditions: null })).isReady, false);
  assert.equal(read(withStatus(null)).isReady, false);
  const annotations = { big: "x".repeat(1 << 20), "llm-d.ai/active-ports": `8000, 8001,${"9,".repeat(1 << 19)}` };
  const pod = read(aPod({ annotations }));
  assert.deepEqual([pod.isReady, pod.activePorts], [true, [8000, 8001, 9]]);
  const { metadata, ...rest } = aPod();
  assert.deepEqual(read({ ...rest, metadata: { ...metadata, labels: null, annotations: null } }).labels, {});
});

test("F32 what is no pod is left out, whatever it is, and nothing throws", () => {
  for (const raw of [undefined, null, 1, "pod", [], {}, { metadata: null }, { metadata: { name: "a", uid: "u" } }]) {
    assert.equal(readPod(raw), undefined);
  }
  fc.assert(fc.property(fc.jsonValue(), (raw) => readPod(raw) === undefined));
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (status, spec, labels) => {
      const pod = read({
        metadata: { name: "a", namespace: "ns", uid: "u", labels, annotations: labels },
        spec,
        status,
      });
      assert.ok(Object.values(pod.labels).every((value) => typeof value === "string"));
    }),
  );
});

test("the service account, the node's address and the age are read", () => {
  assert.equal(read(aPod({ serviceAccount: "servers" })).serviceAccount, "servers");
  assert.equal(read(aPod({ createdAt: "2025-01-31T12:00:00Z" })).createdAtMs, Date.UTC(2025, 0, 31, 12));
  assert.equal(read(aPod({ createdAt: "yesterday" })).createdAtMs, 0);
  assert.equal(read(aPod()).isOnNodeAddress, false);
  assert.equal(read(aPod({ hostNetwork: true })).isOnNodeAddress, true);
  assert.equal(read(aPod({ ip: "10.9.9.9", hostIp: "10.9.9.9" })).isOnNodeAddress, true);
});

const activePortsCases: readonly (readonly [
  what: string,
  text: string | undefined,
  want: readonly number[] | undefined,
])[] = [
  ["absent", undefined, undefined],
  ["empty", "", []],
  ["one", "8000", [8000]],
  ["many", "8000,8001,8002", [8000, 8001, 8002]],
  ["spaces", "  8000 ,\t8001 ", [8000, 8001]],
  ["spaces alone", "  ", []],
  ["invalid", "8000,abc,80x1,8001.5,0x1f40", [8000]],
  ["negative and zero", "-1,0,8000", [8000]],
  ["too large", "65535,65536,99999999999999999999", [65535]],
  ["duplicate", "8000,8000, 8000", [8000]],
  ["commas alone", ",,8000,,", [8000]],
];
for (const [what, text, want] of activePortsCases) {
  test(`F11 active-ports annotation: ${what}`, () => {
    const under = (key: string): unknown =>
      read(aPod(text === undefined ? {} : { annotations: { [key]: text } })).activePorts;
    assert.deepEqual(under("llm-d.ai/active-ports"), want);
    assert.deepEqual(under("inference.networking.k8s.io/active-ports"), want);
  });
}

test("F11 of both annotation keys the new one wins, also when it is empty", () => {
  const both = (current: string): unknown =>
    read(
      aPod({
        annotations: { "inference.networking.k8s.io/active-ports": "8000", "llm-d.ai/active-ports": current },
      }),
    ).activePorts;
  assert.deepEqual(both("8001"), [8001]);
  assert.deepEqual(both(""), []);
});

test("a selector matches when all its labels are there, none of them inherited", () => {
  assert.equal(matchesSelector({ app: "a", x: "y" }, { app: "a" }), true);
  assert.equal(matchesSelector({ app: "a" }, { app: "a", x: "y" }), false);
  assert.equal(matchesSelector({ app: "b" }, { app: "a" }), false);
  assert.equal(matchesSelector({}, { constructor: "Object" }), false);
});
