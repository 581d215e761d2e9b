import assert from "node:assert/strict";
import { test } from "node:test";
import { aCluster, pickOnce, startClusterPicker } from "../support/a-cluster.ts";
import { setHeaders } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { startPodServers } from "../support/pod-servers.ts";
import { aKubeObjective, aKubeRewrite } from "../support/kube-objects.ts";
import { until } from "../support/until.ts";

const serving = (p: { health: { check(service: string): Promise<string> } }): Promise<void> =>
  until("SERVING", async () => (await p.health.check("")) === "SERVING");

test("F10 only pods of the pool are scraped, and a pod that is removed is not scraped any more", async (t) => {
  const cluster = await aCluster(t);
  const ips = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const servers = await startPodServers(t, ips);
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  cluster.setPod({ name: "b", ip: "127.0.0.2" });
  cluster.setPod({ name: "c", ip: "127.0.0.3", labels: { app: "other" } });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  const moreScrapes = async (ip: string): Promise<void> => {
    const before = servers.requests(ip);
    await until(`scrapes of ${ip}`, () => servers.requests(ip) >= before + 5);
  };
  await Promise.all([moreScrapes("127.0.0.1"), moreScrapes("127.0.0.2")]);
  cluster.removePod("a");
  await until("one endpoint", () => p.picker.store.snapshot().length === 1);
  // One scrape may have been under way.
  await moreScrapes("127.0.0.2");
  const last = servers.requests("127.0.0.1");
  await moreScrapes("127.0.0.2");
  assert.deepEqual([servers.requests("127.0.0.1"), servers.requests("127.0.0.3")], [last, 0]);
});

test("F11 F12 ranks follow the active-ports annotation while the picker runs", async (t) => {
  const cluster = await aCluster(t);
  const [a, b] = [await startFakeModelServer(t), await startFakeModelServer(t)];
  cluster.setPool({ ports: [a.port, b.port] });
  const withPorts = (text: string | undefined): void =>
    cluster.setPod({
      name: "pod",
      ip: "127.0.0.1",
      ...(text === undefined ? {} : { annotations: { "llm-d.ai/active-ports": text } }),
    });
  withPorts(` ${b.port}, x`);
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  const names = (): string[] => p.picker.store.snapshot().map(({ name }) => name);
  assert.deepEqual(names(), ["pod-rank-1"]);
  assert.equal(await p.pick(), b.address);
  withPorts("");
  await until("no rank", () => names().length === 0);
  assert.equal(await p.pick(), "503");
  withPorts(undefined);
  await until("both ranks", () => names().join() === "pod-rank-0,pod-rank-1");
});

test("F13 F14 F39 a pod that was there before the pool is picked up with it; a pool without pods is serving", async (t) => {
  const cluster = await aCluster(t);
  const server = await startFakeModelServer(t);
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const p = await startClusterPicker(t, cluster);
  await until("a list of pools", () => p.lines.some(({ message }) => /InferencePool not found/.test(message)));
  assert.equal(await p.health.check(""), "NOT_SERVING");
  cluster.setPool({ ports: [server.port] });
  await serving(p);
  assert.equal(await p.pick(), server.address);
  cluster.removePod("a");
  await until("an empty pool", async () => (await p.pick()) === "503");
  assert.equal(await p.health.check(""), "SERVING");
});

test("F15 a pod that is unready, terminating or of other labels gets no request", async (t) => {
  const cluster = await aCluster(t);
  const server = await startFakeModelServer(t);
  cluster.setPool({ ports: [server.port] });
  cluster.setPod({ name: "good", ip: "127.0.0.1" });
  cluster.setPod({ name: "unready", ip: "127.0.0.2", isReady: false });
  cluster.setPod({ name: "terminating", ip: "127.0.0.3", isTerminating: true });
  cluster.setPod({ name: "other", ip: "127.0.0.4", labels: { app: "other" } });
  cluster.setPod({ name: "elsewhere", namespace: "other", ip: "127.0.0.5" });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  assert.deepEqual(
    p.picker.store.snapshot().map(({ name }) => name),
    ["good-rank-0"],
  );
});

test("F16 a pool that is deleted leaves no endpoint and is NOT_SERVING; recreated it serves again", async (t) => {
  const cluster = await aCluster(t);
  const server = await startFakeModelServer(t);
  cluster.setPool({ ports: [server.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  cluster.removePool();
  await until("NOT_SERVING", async () => (await p.health.check("")) === "NOT_SERVING");
  assert.equal(await p.pick(), "503");
  assert.equal(cluster.server.watches("pods"), 0);
  cluster.setPool({ ports: [server.port] });
  await serving(p);
  assert.equal(await p.pick(), server.address);
});

test("F17 objectives and rewrites of the cluster are in force, changed and gone while the picker runs", async (t) => {
  const cluster = await aCluster(t);
  const server = await startFakeModelServer(t);
  cluster.setPool({ ports: [server.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  cluster.set(aKubeObjective("gold", 7));
  cluster.set(aKubeRewrite("all", "llama"));
  const p = await startClusterPicker(t, cluster);
  await serving(p);
  const request = async (): Promise<string | undefined> => {
    const stream = p.open();
    stream.requestHeaders([
      [":method", "POST"],
      [":path", "/v1/completions"],
      ["x-llm-d-inference-objective", "gold"],
    ]);
    stream.requestBody('{"model":"m","prompt":"hello"}');
    const answer = await stream.next();
    const body = await stream.next();
    await stream.close();
    assert.equal(setHeaders(answer)["x-gateway-destination-endpoint"], server.address);
    return body.request_body?.response?.body_mutation?.streamed_response?.body?.toString();
  };
  const counted = (target: string, priority: number): Promise<number | undefined> =>
    p.sample(
      `llm_d_epp_request_total{model_name="m",target_model_name="${target}",fairness_id="default-flow",priority="${priority}"}`,
    );
  await until("the rewrite", async () => (await request())?.includes('"llama"') === true);
  await until("the priority", async () => (await request()) !== undefined && ((await counted("llama", 7)) ?? 0) > 0);
  cluster.set(aKubeObjective("gold", -1));
  cluster.set(aKubeRewrite("all", "mistral"));
  await until("both changes", async () => (await request()) !== undefined && ((await counted("mistral", -1)) ?? 0) > 0);
  cluster.server.remove(aKubeObjective("gold") as never);
  cluster.server.remove(aKubeRewrite("all", "") as never);
  await until("both to be gone", async () => (await request()) !== undefined && ((await counted("m", 0)) ?? 0) > 0);
});

test("objects of the legacy group count while the current one has no CRD; without both a warning says so", async (t) => {
  const cluster = await aCluster(t);
  cluster.setPool();
  for (const resource of ["inferenceobjectives.llm-d.ai", "inferencemodelrewrites"])
    cluster.server.absent.add(resource);
  cluster.set({ ...aKubeObjective("gold", 7), apiVersion: "inference.networking.x-k8s.io/v1alpha2" });
  const p = await startClusterPicker(t, cluster, { config: shedding });
  await serving(p);
  const warnings = (): unknown[] => p.lines.filter(({ level }) => level === "warn").map(({ kind }) => kind);
  await until("a warning", () => warnings().length > 0);
  assert.deepEqual(warnings(), ["InferenceModelRewrite"]);
});

const shedding = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{ type: queue-scorer }]\n";

for (const [protocol, parser, want] of [
  ["kubernetes.io/h2c", "openai-parser", "SERVING"],
  ["http", "openai-parser", "SERVING"],
  ["http", "vllmgrpc-parser", "NOT_SERVING"],
  ["kubernetes.io/h2c", "vllmgrpc-parser", "SERVING"],
  [undefined, "vllmgrpc-parser", "SERVING"],
] as const) {
  test(`K6 G10 a pool of protocol ${protocol} is ${want} with ${parser}`, async (t) => {
    const cluster = await aCluster(t);
    const server = await startFakeModelServer(t);
    cluster.setPod({ name: "a", ip: "127.0.0.1" });
    cluster.setPool({ ports: [server.port], ...(protocol === undefined ? {} : { appProtocol: protocol }) });
    const config = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{ type: queue-scorer }, { type: ${parser} }, { type: passthrough-parser }]
requestHandler: { parsers: [{ pluginRef: ${parser} }, { pluginRef: passthrough-parser }] }
`;
    const p = await startClusterPicker(t, cluster, { config });
    await until("scrapes", () => server.requests() > 2);
    if (want === "SERVING") await serving(p);
    else assert.equal(await p.health.check(""), want);
    cluster.setPool({ ports: [server.port] });
    await serving(p);
    assert.equal(await pickOnce(p.open()), server.address);
  });
}

test("F38 without an InferencePool a picker is not ready before the first complete list of its pods, and is ready if that is empty", async (t) => {
  const cluster = await aCluster(t);
  const selection = { selector: { app: "vllm" }, targetPorts: [8000] };
  cluster.server.forbidden.add("list pods");
  const p = await startClusterPicker(t, cluster, { poolName: "epp", cluster: { selection } });
  await until("a refused list", () => cluster.server.seen.some(({ path }) => path.includes("/pods")));
  await until("a line", () => p.lines.some(({ level }) => level === "warn" || level === "error"));
  assert.equal(await p.health.check(""), "NOT_SERVING");
  cluster.server.forbidden.clear();
  await serving(p);
  assert.equal(await p.pick(), "503");
});

test("without an InferencePool the pods of a selector are followed, and ready without one", async (t) => {
  const cluster = await aCluster(t);
  const server = await startFakeModelServer(t);
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  cluster.setPod({ name: "b", ip: "127.0.0.2", labels: { app: "other" } });
  const selection = { selector: { app: "vllm" }, targetPorts: [server.port] };
  const p = await startClusterPicker(t, cluster, { poolName: "epp", cluster: { selection } });
  await serving(p);
  assert.equal(await p.pick(), server.address);
  assert.equal(
    cluster.server.seen.some(({ path }) => path.includes("inferencepools")),
    false,
  );
  assert.equal(await p.sample('llm_d_epp_ready_endpoints{name="epp"}'), 1);
});
