import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { aCluster } from "../support/a-cluster.ts";
import { aClusterGateway } from "../support/a-cluster-gateway.ts";
import { skipWithoutEnvoy } from "../support/envoy.ts";
import { aPod } from "../support/kube-objects.ts";
import type { KubeObject } from "../support/kube/resources.ts";
import { type PodServers, startPodServers } from "../support/pod-servers.ts";
import { until } from "../support/until.ts";

const body = '{"model":"m","prompt":"hello"}';

/** Sends a completion and says who answered, or with which status and reason it was refused. */
async function complete(url: string): Promise<string> {
  const answer = await fetch(`${url}/v1/completions`, { method: "POST", body });
  const text = await answer.text();
  return answer.status === 200 ? text : `${answer.status} ${answer.headers.get("x-llm-d-request-dropped-reason")}`;
}

/** Servers that answer with their own address. */
async function echoing(t: Parameters<typeof startPodServers>[0], ips: readonly string[]): Promise<PodServers> {
  const servers = await startPodServers(t, ips);
  servers.answerWith((request, response) => void response.end(request.socket.localAddress));
  return servers;
}

test("F18 F33 through Envoy: a terminating pod finishes its stream and gets nothing new", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1", "127.0.0.2"]);
  const streams: ServerResponse[] = [];
  servers.answerWith((request, response) => {
    if (request.headers["x-stream"] === undefined) return void response.end(request.socket.localAddress);
    response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    streams.push(response);
  });
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const { url, picker } = await aClusterGateway(t, cluster);
  const open = await fetch(`${url}/v1/completions`, { method: "POST", body, headers: { "x-stream": "1" } });
  cluster.setPod({ name: "b", ip: "127.0.0.2" });
  cluster.server.patch(aPod({ name: "a" }) as unknown as KubeObject, { metadata: { finalizers: ["test/hold"] } });
  cluster.removePod("a");
  await until(
    "one endpoint",
    () =>
      picker.picker.store
        .snapshot()
        .map(({ host }) => host)
        .join() === "127.0.0.2",
  );
  for (let request = 0; request < 20; request++) assert.equal(await complete(url), "127.0.0.2");
  streams[0]?.end("data: [DONE]\n\n");
  assert.equal(await open.text(), "data: 1\n\ndata: [DONE]\n\n");
  cluster.server.patch(aPod({ name: "b" }) as unknown as KubeObject, { metadata: { labels: { app: "other" } } });
  await until("no endpoint", async () => (await complete(url)) === "503 rejected-no-endpoints");
  await until("an empty ledger", () => picker.picker.store.ledger.total === 0);
});

test("F17 F19 F28 through Envoy: no request fails while pods come, flap and go and the pool changes", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const cluster = await aCluster(t);
  const ips = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const servers = await echoing(t, ips);
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "x1", ip: "127.0.0.1" });
  cluster.setPod({ name: "y1", ip: "127.0.0.3", labels: { app: "y" } });
  const { url, picker } = await aClusterGateway(t, cluster);
  const answers = new Map<string, number>();
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) {
      const answer = await complete(url);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  };
  const clients = [client(), client()];
  const answered = async (by: string): Promise<void> => {
    const before = answers.get(by) ?? 0;
    await until(`an answer of ${by}`, () => (answers.get(by) ?? 0) > before);
  };
  cluster.setPod({ name: "x2", ip: "127.0.0.2" });
  await answered("127.0.0.2");
  for (let time = 0; time < 20; time++) {
    cluster.server.setPodReady("ns", "x2", time % 2 === 1);
    await answered("127.0.0.1");
  }
  cluster.setPool({ ports: [servers.port], selector: { app: "y" } });
  await answered("127.0.0.3");
  await until("one endpoint", () => picker.picker.store.snapshot().length === 1);
  cluster.setPool({ ports: [], selector: { app: "y" } });
  await answered("127.0.0.3");
  isOver = true;
  await Promise.all(clients);
  assert.deepEqual([...answers.keys()].toSorted(), ips);
});

test("F16 F23 through Envoy: without pods or pool requests get 503 with a reason, and are served again with the first pod", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const cluster = await aCluster(t);
  const servers = await echoing(t, ["127.0.0.1"]);
  cluster.setPool({ ports: [servers.port] });
  const { url } = await aClusterGateway(t, cluster);
  assert.equal(await complete(url), "503 rejected-no-endpoints");
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  await until("an answer", async () => (await complete(url)) === "127.0.0.1");
  cluster.removePod("a");
  await until("no endpoint", async () => (await complete(url)) === "503 rejected-no-endpoints");
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  await until("an answer", async () => (await complete(url)) === "127.0.0.1");
  cluster.removePool();
  await until("no endpoint", async () => (await complete(url)).startsWith("503"));
  cluster.setPool({ ports: [servers.port] });
  await until("an answer", async () => (await complete(url)) === "127.0.0.1");
});

test("T31 through Envoy: a pod that claims a loopback address never gets a prompt", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const cluster = await aCluster(t);
  const canary = await echoing(t, ["127.0.0.1"]);
  cluster.setPool({ ports: [canary.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const { url } = await aClusterGateway(t, cluster, { cluster: { allowLoopback: false } });
  assert.equal(await complete(url), "503 rejected-no-endpoints");
  assert.equal(canary.requests(), 0);
});
