import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { aCluster, startClusterPicker } from "../support/a-cluster.ts";
import { type ClusterGatewayOptions, aClusterGateway } from "../support/a-cluster-gateway.ts";
import { anEcho, valuesOf } from "../support/an-echo.ts";
import { overHttp2, reportingServed, withSecondPool } from "../support/changed-bootstrap.ts";
import { skipWithoutEnvoy as skip } from "../support/envoy.ts";
import { completion } from "../support/exchanges.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { startPodServers } from "../support/pod-servers.ts";
import { until } from "../support/until.ts";

const conformance = readFileSync("manifests/config/conformance.yaml", "utf8");
const ips = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** A gateway of the conformance config before three pods that answer with their address. */
async function aConformanceGateway(t: TestContext, options: ClusterGatewayOptions = {}) {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ips);
  servers.answerWith((request, response) => {
    request.resume();
    response.end(`${request.socket.localAddress}:${request.socket.localPort}`);
  });
  cluster.setPool({ ports: [servers.port] });
  for (const [index, ip] of ips.entries()) cluster.setPod({ name: `pod-${index}`, ip });
  const { url, picker } = await aClusterGateway(t, cluster, { config: conformance, ...options });
  await until("three endpoints", () => picker.picker.store.snapshot().length === 3);
  return { url, addresses: ips.map((ip) => `${ip}:${servers.port}`) };
}

function post(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${url}/v1/completions`, { method: "POST", body: completion("base"), headers });
}

test("K1 through Envoy: one, two or all pods selected are the only ones used; an unknown one is no candidate", {
  skip,
}, async (t) => {
  const { url, addresses } = await aConformanceGateway(t);
  const header = "test-epp-endpoint-selection";
  for (const selected of [addresses.slice(0, 1), addresses.slice(1), addresses]) {
    const used = new Set<string>();
    for (let sent = 0; sent < 40; sent++) {
      const answer = await post(url, { [header]: selected.join(",") });
      assert.equal(answer.status, 200);
      used.add(await answer.text());
    }
    // By chance one of three is left out in 40 draws with a probability below 1e-6.
    assert.deepEqual([...used].toSorted(), selected.toSorted());
  }
  assert.equal((await post(url, { [header]: "10.9.9.9" })).status, 429);
  assert.equal((await post(url)).status, 429, "without a selection");
});

test("K3 through Envoy: the client is told the endpoint that served, by the gateway's word", { skip }, async (t) => {
  const { url, addresses } = await aConformanceGateway(t, { adapt: reportingServed });
  for (const address of addresses) {
    const answer = await post(url, { "test-epp-endpoint-selection": address });
    assert.equal(answer.headers.get("x-conformance-test-served-endpoint"), address);
    assert.equal(await answer.text(), address);
  }
});

test("K3 through an Envoy that does not report who served the header says so", { skip }, async (t) => {
  const { url, addresses } = await aConformanceGateway(t);
  const answer = await post(url, { "test-epp-endpoint-selection": addresses[0] ?? "" });
  assert.match(answer.headers.get("x-conformance-test-served-endpoint") ?? "", /^fail: /);
});

const requestTotal =
  'llm_d_epp_request_total{model_name="base",target_model_name="base",fairness_id="default-flow",priority="0"}';

test("K5 two pools of one weighted route: each picker is asked, and picks only its own pods", { skip }, async (t) => {
  const cluster = await aCluster(t);
  const pools = { blue: ["127.0.0.1", "127.0.0.2"], green: ["127.0.0.3", "127.0.0.4"] };
  const servers = await startPodServers(t, [...pools.blue, ...pools.green]);
  servers.answerWith((request, response) => {
    request.resume();
    response.end(request.socket.localAddress);
  });
  cluster.setPool({ ports: [servers.port], selector: { app: "blue" } });
  cluster.setPool({ name: "green", ports: [servers.port], selector: { app: "green" } });
  for (const [app, members] of Object.entries(pools))
    for (const ip of members) cluster.setPod({ name: `${app}-${ip}`, ip, labels: { app } });
  const config = conformance.replace(/^.*header-based-testing-filter\n/gm, "");
  const green = await startClusterPicker(t, cluster, { poolName: "green", config });
  const { grpcPort: port, grpcHealthPort: healthPort } = green.picker;
  const adapt = withSecondPool({ port, healthPort, weight: 30 });
  const { url, picker: blue } = await aClusterGateway(t, cluster, { adapt, config });
  const pick = async (): Promise<string> => (await post(url)).text();
  const used = new Map<string, number>();
  await until("answers of both pools", async () => {
    used.set(await pick(), 1);
    return [...pools.blue, ...pools.green].every((ip) => used.has(ip));
  });
  const counts = async (): Promise<number[]> =>
    Promise.all([blue, green].map(async (picker) => (await picker.sample(requestTotal)) ?? 0));
  const before = await counts();
  used.clear();
  for (let sent = 0; sent < 100; sent++) {
    const ip = await pick();
    used.set(ip, (used.get(ip) ?? 0) + 1);
  }
  const after = await counts();
  const served = Object.values(pools).map((members) => members.reduce((sum, ip) => sum + (used.get(ip) ?? 0), 0));
  assert.deepEqual(
    served,
    after.map((count, index) => count - (before[index] ?? 0)),
  );
  assert.equal((served[0] ?? 0) + (served[1] ?? 0), 100, "nothing else answered");
  assert.ok(
    served.every((count) => count > 0),
    `blue and green: ${served.join(", ")}`,
  );
});

/** A pod that speaks HTTP/2 without TLS alone, and names the protocol and the body it got. */
async function anH2cPod(t: TestContext): Promise<number> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("request", (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => response.end(`${request.httpVersion} ${Buffer.concat(chunks).toString()}`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("K6 a pool of appProtocol kubernetes.io/h2c: the request reaches the pod over HTTP/2", { skip }, async (t) => {
  const cluster = await aCluster(t);
  const metrics = await startFakeModelServer(t);
  cluster.setPool({ ports: [await anH2cPod(t)], appProtocol: "kubernetes.io/h2c" });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const config = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{ type: metrics-data-source, parameters: { port: ${metrics.port} } }, { type: queue-scorer }]
`;
  const { url } = await aClusterGateway(t, cluster, { adapt: overHttp2, config });
  const answer = await post(url);
  assert.deepEqual([answer.status, await answer.text()], [200, `2.0 ${completion("base")}`]);
});

test("K6 K8 a pool of appProtocol http: the request reaches the pod over HTTP/1, its model as the rewrite header says", {
  skip,
}, async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  const { seen, listener } = anEcho();
  servers.answerWith(listener);
  cluster.setPool({ ports: [servers.port], appProtocol: "http" });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const { url } = await aClusterGateway(t, cluster);
  assert.equal((await post(url)).status, 200);
  assert.equal((await post(url, { "x-llm-d-model-name-rewrite": "tuned" })).status, 200);
  const want = [completion("base"), completion("tuned")];
  assert.deepEqual(
    seen.map(({ body }) => body.toString()),
    want,
  );
  assert.deepEqual(
    seen.map((request) => valuesOf(request, "content-length")),
    seen.map(() => []),
    "full-duplex bodies go in chunks",
  );
});
