import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { aCluster, type ClusterPicker, startClusterPicker } from "../support/a-cluster.ts";
import { setHeaders } from "../support/ext-proc-client.ts";
import { aKubePool, aPod } from "../support/kube-objects.ts";
import type { KubeObject } from "../support/kube/resources.ts";
import { startPodServers } from "../support/pod-servers.ts";
import { until } from "../support/until.ts";

const serving = (p: ClusterPicker): Promise<void> =>
  until("SERVING", async () => (await p.health.check("")) === "SERVING");
/** A pool of one pod "a", and a picker that serves it. */
async function withOnePod(t: TestContext) {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  return { cluster, servers, p };
}
const names = (p: ClusterPicker): string =>
  p.picker.store
    .snapshot()
    .map(({ name }) => name.replace("-rank-0", ""))
    .join();
const logged = (p: ClusterPicker, message: RegExp): readonly unknown[] =>
  p.lines.filter((line) => message.test(line.message));

test("F17 a pod that is added takes requests, and a cold one is not flooded", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
  cluster.setPool({ ports: [servers.port] });
  for (const n of [1, 2]) {
    cluster.setPod({ name: `pod-${n}`, ip: `127.0.0.${n}` });
    servers.setLoad(`127.0.0.${n}`, { waiting: 2, running: 4, kvCacheRatio: 0.4 });
  }
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  cluster.setPod({ name: "pod-3", ip: "127.0.0.3", isReady: false });
  for (let request = 0; request < 20; request++) assert.notEqual(await p.pick(), `127.0.0.3:${servers.port}`);
  cluster.server.setPodReady("ns", "pod-3", true);
  await until("a pick of the new pod", async () => (await p.pick()) === `127.0.0.3:${servers.port}`);
  const open = Array.from({ length: 30 }, () => p.open());
  const picked = new Map<string, number>();
  for (const stream of open) {
    stream.requestHeaders([[":path", "/v1/completions"]]).requestBody('{"model":"m","prompt":"hello"}');
    const address = setHeaders(await stream.next())["x-gateway-destination-endpoint"] ?? "";
    picked.set(address, (picked.get(address) ?? 0) + 1);
  }
  assert.ok((picked.get(`127.0.0.3:${servers.port}`) ?? 0) < 30, JSON.stringify([...picked]));
  await Promise.all(open.map((stream) => stream.close()));
});

test("F18 a terminating pod gets no new request, and the stream it has goes on to its end", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1", "127.0.0.2"]);
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  const stream = p.open();
  stream.requestHeaders([[":path", "/v1/completions"]]).requestBody('{"model":"m","prompt":"hello","stream":true}');
  assert.equal(setHeaders(await stream.next())["x-gateway-destination-endpoint"], `127.0.0.1:${servers.port}`);
  await stream.next();
  stream.responseHeaders([
    [":status", "200"],
    ["content-type", "text/event-stream"],
  ]);
  await stream.next();
  assert.equal(p.picker.store.ledger.total, 1);
  cluster.setPod({ name: "b", ip: "127.0.0.2" });
  await until("both pods", () => names(p) === "a,b");
  cluster.server.patch(aPod({ name: "a" }) as unknown as KubeObject, { metadata: { finalizers: ["test/hold"] } });
  cluster.removePod("a");
  await until("one pod", () => names(p) === "b");
  for (let request = 0; request < 20; request++) assert.equal(await p.pick(), `127.0.0.2:${servers.port}`);
  const bodies: (string | undefined)[] = [];
  for (const chunk of ["data: 1\n\n", "data: 2\n\n"]) {
    stream.responseBody(chunk);
    bodies.push((await stream.next()).response_body?.response?.body_mutation?.streamed_response?.body?.toString());
  }
  stream.responseBody("data: [DONE]\n\n", true);
  await stream.next();
  assert.deepEqual(bodies, ["data: 1\n\n", "data: 2\n\n"]);
  assert.equal(await stream.close(), undefined);
  await until("an empty ledger", () => p.picker.store.ledger.total === 0);
});

test("F19 a pod whose readiness flaps leaks no timer and no socket, and counts stay at zero or above", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1", "127.0.0.2"]);
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  cluster.setPod({ name: "b", ip: "127.0.0.2" });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  const flap = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time++) {
      cluster.server.setPodReady("ns", "a", false);
      await until("one pod", () => names(p) === "b");
      assert.equal(await p.pick(), `127.0.0.2:${servers.port}`);
      cluster.server.setPodReady("ns", "a", true);
      await until("both pods", () => p.picker.store.snapshot().length === 2);
      await p.pick();
      assert.ok(p.picker.store.snapshot().every(({ inFlightRequests }) => inFlightRequests >= 0));
    }
  };
  await flap(5);
  const resources = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  };
  const before = resources();
  await flap(50);
  assert.equal(p.picker.store.ledger.total, 0);
  await until("no more sockets than before", () => {
    const now = resources();
    return ["TCPSocketWrap", "Timeout"].every((kind) => (now[kind] ?? 0) <= (before[kind] ?? 0) + 3);
  });
  await until("a connection a pod", () => servers.connections() <= 2);
});

test("F20 another pod with the address of one that is gone inherits nothing of it", async (t) => {
  const { cluster, p } = await withOnePod(t);
  const stream = p.open();
  stream.requestHeaders([[":path", "/v1/completions"]]).requestBody('{"model":"m","prompt":"hello"}');
  await stream.next();
  const [before] = p.picker.store.snapshot();
  assert.equal(before?.inFlightRequests, 1);
  cluster.removePod("a");
  cluster.setPod({ name: "b", ip: "127.0.0.1" });
  await until("the other pod", () => names(p) === "b");
  const [after] = p.picker.store.snapshot();
  assert.deepEqual([after?.address, after?.inFlightRequests], [before?.address, 0]);
  assert.notEqual(after?.incarnation, before?.incarnation);
  await stream.close();
  await until("an empty ledger", () => p.picker.store.ledger.total === 0);
  assert.equal(p.picker.store.snapshot()[0]?.inFlightRequests, 0);
});

test("F21 ranks of one address are distinct endpoints; a subset hint with a port means that rank", async (t) => {
  const cluster = await aCluster(t);
  const [first, second] = [await startPodServers(t, ["127.0.0.1"]), await startPodServers(t, ["127.0.0.1"])];
  cluster.setPool({ ports: [first.port, second.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  const pickWithin = async (hint: string): Promise<string | undefined> => {
    const stream = p.open();
    const list = { listValue: { values: [{ stringValue: hint }] } };
    const subset = { fields: { "x-gateway-destination-endpoint-subset": list } };
    const more = { metadata_context: { filter_metadata: { "envoy.lb.subset_hint": subset } } };
    stream.requestHeaders([[":path", "/v1/completions"]], false, more);
    stream.requestBody('{"model":"m","prompt":"hello"}', true, more);
    const answer = await stream.next();
    await stream.close();
    return setHeaders(answer)["x-gateway-destination-endpoint"];
  };
  for (const { port } of [first, second]) {
    for (let request = 0; request < 10; request++) {
      assert.equal(await pickWithin(`127.0.0.1:${port}`), `127.0.0.1:${port}`);
    }
  }
});

test("F22 the end of a pod that comes after its successor's beginning does not end the successor", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", uid: "old", ip: "127.0.0.1", createdAt: "2025-01-31T12:00:00Z" });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  cluster.server.faults.swallowEvents = 1;
  cluster.removePod("a");
  cluster.setPod({ name: "a", uid: "new", ip: "127.0.0.1", createdAt: "2025-01-31T12:05:00Z" });
  const incarnations = (): (string | undefined)[] =>
    p.picker.store.snapshot().map(({ incarnation }) => incarnation.split("@")[0]);
  await until("the successor", () => incarnations().join() === "new");
  const old = aPod({ name: "a", uid: "old", ip: "127.0.0.1", createdAt: "2025-01-31T12:00:00Z" });
  const late = { ...old, metadata: { ...old.metadata, resourceVersion: "999" } };
  cluster.server.injectEvent("pods", "DELETED", late);
  cluster.setPod({ name: "b", ip: "127.0.0.2" });
  await until("the event after it", () => names(p) === "a,b");
  assert.equal(incarnations()[0], "new");
});

test("F23 without pods every request is refused with 503 and a reason; the first pod that is ready takes the next", async (t) => {
  const { cluster, servers, p } = await withOnePod(t);
  for (let round = 0; round < 3; round++) {
    cluster.removePod("a");
    await until("no pod", () => names(p) === "");
    const stream = p.open();
    stream.requestHeaders([[":path", "/v1/completions"]]).requestBody('{"model":"m","prompt":"hello"}');
    const answer = await stream.next();
    assert.equal(answer.immediate_response?.status?.code, 503);
    assert.equal(setHeaders(answer)["x-llm-d-request-dropped-reason"], "rejected-no-endpoints");
    cluster.setPod({ name: "a", ip: "127.0.0.1" });
    await until("a pick", async () => (await p.pick()) === `127.0.0.1:${servers.port}`);
  }
});

test("F28 a changed selector, changed ports and a pool that is not usable: no mix at any moment, and the last good one stays", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  for (const name of ["x1", "x2"]) cluster.setPod({ name, ip: "127.0.0.1", labels: { app: "x" } });
  for (const name of ["y1", "y2"]) cluster.setPod({ name, ip: "127.0.0.1", labels: { app: "y" } });
  cluster.setPool({ selector: { app: "x" }, ports: [servers.port] });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  const seen = new Set<string>();
  const watch = (): void => void seen.add(names(p));
  p.picker.store.onAdded(() => queueMicrotask(watch));
  p.picker.store.onRemoved(() => queueMicrotask(watch));
  assert.equal(names(p), "x1,x2");
  cluster.setPool({ selector: { app: "y" }, ports: [servers.port] });
  await until("the other pods", () => names(p) === "y1,y2");
  assert.deepEqual([...seen], ["y1,y2"]);
  await until("one watch of pods", () => cluster.server.watches("pods") === 1);
  cluster.setPool({ selector: { app: "y" }, ports: [] });
  await until("an error", () => logged(p, /not usable, the last good one stays/).length === 1);
  assert.equal(names(p), "y1,y2");
  assert.equal(await p.sample('epp_invalid_objects_total{kind="InferencePool"}'), 1);
  assert.equal(await p.health.check(""), "SERVING");
  cluster.setPool({ selector: { app: "y" }, ports: [1, servers.port] });
  await until("the other ports", () => p.picker.store.snapshot().length === 4);
  cluster.removePool();
  await until("no endpoint", () => names(p) === "");
  cluster.setPool({ selector: { app: "x" }, ports: [servers.port] });
  await until("the first pods", () => names(p) === "x1,x2");
});

test("F30 without the CRD at the start the picker waits, says why, and serves once it is there", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  cluster.server.absent.add("inferencepools");
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const p = await startClusterPicker(t, cluster);
  await until("a line about the CRD", () => logged(p, /is the CRD installed\?/).length > 0);
  await until(
    "three attempts",
    () => cluster.server.seen.filter(({ path }) => path.endsWith("/inferencepools")).length >= 3,
  );
  assert.equal(logged(p, /is the CRD installed\?/).length, 1);
  assert.equal(await p.health.check(""), "NOT_SERVING");
  assert.equal(await p.pick(), "503");
  cluster.server.absent.clear();
  cluster.setPool({ ports: [servers.port] });
  await serving(p);
  assert.equal(await p.pick(), `127.0.0.1:${servers.port}`);
});

test("F32 pods of every odd shape are skipped or read; the watch goes on", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  cluster.setPool({ ports: [servers.port] });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  const odd: readonly (readonly [name: string, status: unknown])[] = [
    ["no-status", null],
    ["null-conditions", { podIP: "127.0.0.1", conditions: null }],
    ["no-ip", { conditions: [{ type: "Ready", status: "True" }] }],
    ["text-conditions", { podIP: "127.0.0.1", conditions: "Ready" }],
    ["bad-ip", { podIP: "999.1.1.1", conditions: [{ type: "Ready", status: "True" }] }],
  ];
  for (const [name, status] of odd) cluster.set({ ...aPod({ name }), status });
  cluster.setPod({ name: "six", ip: "::1" });
  const { metadata, ...rest } = aPod({ name: "dual" });
  const podIPs = [{ ip: "127.0.0.1" }, { ip: "::1" }];
  const status = { podIP: "127.0.0.1", podIPs, conditions: [{ type: "Ready", status: "True" }] };
  cluster.set({ ...rest, metadata: { ...metadata, annotations: { big: "x".repeat(1 << 20) } }, status });
  await until("two pods", () => names(p) === "six,dual");
  const addresses = p.picker.store.snapshot().map(({ address }) => address);
  assert.deepEqual(addresses, [`[::1]:${servers.port}`, `127.0.0.1:${servers.port}`]);
  assert.equal(cluster.server.watches("pods"), 1);
});

test("F33 an edited label takes a pod out of the selector and back", async (t) => {
  const { cluster, p } = await withOnePod(t);
  const pod = aPod({ name: "a" }) as unknown as KubeObject;
  for (let round = 0; round < 3; round++) {
    cluster.server.patch(pod, { metadata: { labels: { app: "other" } } });
    await until("no pod", () => names(p) === "");
    assert.equal(await p.pick(), "503");
    cluster.server.patch(pod, { metadata: { labels: { app: "vllm" } } });
    await until("the pod", () => names(p) === "a");
  }
});

test("F36 a namespace or a CRD that is deleted while the picker runs is a pool that is deleted; both may come back", async (t) => {
  const { cluster, servers, p } = await withOnePod(t);
  cluster.removePod("a");
  cluster.removePool();
  await until("NOT_SERVING", async () => (await p.health.check("")) === "NOT_SERVING");
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  await serving(p);
  // A CRD that goes without its events, since the watch was broken meanwhile.
  cluster.server.absent.add("inferencepools");
  cluster.server.endWatches("inferencepools");
  cluster.server.store.compact();
  await until("NOT_SERVING", async () => (await p.health.check("")) === "NOT_SERVING", 20_000);
  assert.equal(names(p), "");
  cluster.server.absent.clear();
  await until("SERVING", async () => (await p.health.check("")) === "SERVING", 20_000);
  assert.equal(names(p), "a");
});

test("T30 with a service account as gate only its pods join; every change is logged and counted", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "ours", ip: "127.0.0.1", serviceAccount: "servers" });
  cluster.setPod({ name: "theirs", ip: "127.0.0.1", serviceAccount: "default" });
  const p = await startClusterPicker(t, cluster, { cluster: { podServiceAccount: "servers" } });
  await serving(p);
  assert.equal(names(p), "ours");
  cluster.setPod({ name: "theirs", ip: "127.0.0.1", serviceAccount: "default", annotations: { a: "b" } });
  cluster.setPod({ name: "more", ip: "127.0.0.1", serviceAccount: "servers" });
  await until("both of ours", () => names(p) === "ours,more");
  cluster.removePod("ours");
  await until("one of ours", () => names(p) === "more");
  assert.equal(logged(p, /Pod refused/).length, 1);
  assert.equal(logged(p, /Pods of the pool listed|Pod joined|Pod left/).length, 3);
  const counts = [
    'epp_pool_refused_pods_total{reason="service-account"}',
    'epp_pool_membership_changes_total{change="joined"}',
    'epp_pool_membership_changes_total{change="left"}',
  ];
  assert.deepEqual(await Promise.all(counts.map((series) => p.sample(series))), [1, 2, 1]);
});

test("T31 a pod on an address that no pod has is neither picked nor scraped, and told of once", async (t) => {
  const cluster = await aCluster(t);
  const canary = await startPodServers(t, ["127.0.0.1"]);
  cluster.setPool({ ports: [canary.port] });
  cluster.setPod({ name: "loopback", ip: "127.0.0.1" });
  cluster.setPod({ name: "metadata", ip: "169.254.169.254" });
  cluster.setPod({ name: "mapped", ip: "::ffff:127.0.0.1" });
  cluster.setPod({ name: "host", ip: "127.0.0.1", hostNetwork: true });
  const p = await startClusterPicker(t, cluster, { cluster: { allowLoopback: false } });
  await serving(p);
  assert.equal(await p.pick(), "503");
  for (const annotation of ["1", "2"])
    cluster.setPod({ name: "loopback", ip: "127.0.0.1", annotations: { annotation } });
  cluster.setPod({ name: "metadata", ip: "169.254.169.254", isReady: false });
  await until("four refusals", () => logged(p, /Pod refused/).length === 4);
  const reasons = p.lines.flatMap(({ reason, message }) => (/Pod refused/.test(message) ? [String(reason)] : []));
  assert.deepEqual(reasons.toSorted(), ["embedded-ipv4", "loopback", "loopback", "metadata"]);
  assert.equal(await p.sample('epp_pool_refused_pods_total{reason="loopback"}'), 2);
  assert.deepEqual([canary.requests(), canary.connections()], [0, 0]);
});

test("T32 a pool that is not usable from the start is not served, and says why in one line", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  cluster.set({ ...aKubePool({ selector: {}, ports: [servers.port] }) });
  const p = await startClusterPicker(t, cluster);
  await until("an error", () => logged(p, /InferencePool not usable/).length === 1);
  const [line] = logged(p, /InferencePool not usable/) as { problem: string }[];
  assert.equal(line?.problem, "spec.selector.matchLabels: expected 1 to 64 labels, got 0");
  assert.equal(await p.health.check(""), "NOT_SERVING");
  assert.equal(
    cluster.server.seen.some(({ path }) => path.endsWith("/pods")),
    false,
  );
  cluster.setPool({ ports: [servers.port] });
  await serving(p);
});

test("T32 no more pods join than the cap says", async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  cluster.setPool({ ports: [servers.port] });
  for (let n = 0; n < 10; n++) cluster.setPod({ name: `pod-${n}`, ip: "127.0.0.1" });
  const p = await startClusterPicker(t, cluster, { cluster: { maxPods: 4 } });
  await serving(p);
  assert.equal(p.picker.store.snapshot().length, 4);
  assert.equal(logged(p, /as many as it may/).length, 1);
  assert.equal(await p.sample('epp_pool_refused_pods_total{reason="max-pods"}'), 6);
});
