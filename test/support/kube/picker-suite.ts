import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { DoctorReport } from "../../../src/doctor/report.ts";
import { pickOnce } from "../a-cluster.ts";
import { aLeaderAndFollower, type ClusterProcess, shortElection, startClusterProcess } from "../a-cluster-process.ts";
import { anEnvoy } from "../an-envoy.ts";
import { skipWithoutEnvoy } from "../envoy.ts";
import { type PodServers, startPodServers } from "../pod-servers.ts";
import { runEpp } from "../run-epp.ts";
import { until } from "../until.ts";
import type { PickerCluster } from "./picker-cluster.ts";
import { aFolder } from "./reflector-rig.ts";

/** Waits for what processes bring about, on a slow machine too. */
const eventually = (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> =>
  until(what, isTrue, 60_000);

/** Hosts of these tests need no time to move away. */
const shortDrain = "--drain-timeout=200ms";

const serving = (picker: ClusterProcess, status = "SERVING"): Promise<void> =>
  eventually(status, async () => (await picker.health.check("")) === status);

/** What holds for a whole `epp serve --pool-name` with any API server; `start` gives each test an empty cluster. */
export function pickerSuite(name: string, start: (t: TestContext) => Promise<PickerCluster>): void {
  test(`${name}: epp serve waits for its pool, picks among the pods that are ready, and follows what changes`, async (t) => {
    const cluster = await start(t);
    const servers = await startPodServers(t, ["127.0.0.1", "127.0.0.2"]);
    const [a, b] = [`127.0.0.1:${servers.port}`, `127.0.0.2:${servers.port}`];
    const picker = await startClusterProcess(t, cluster, { args: [shortDrain] });
    await eventually("a line", () => /InferencePool not found/.test(picker.log()));
    assert.equal(await picker.health.check(""), "NOT_SERVING");
    await cluster.setPod({ name: "a", ip: "127.0.0.1" });
    await cluster.setPod({ name: "b", ip: "127.0.0.2", isReady: false });
    await cluster.setPod({ name: "other", ip: "127.0.0.3", labels: { app: "other" } });
    await cluster.setPool({ ports: [servers.port] });
    await serving(picker);
    for (let request = 0; request < 5; request++) assert.equal(await pickOnce(picker.open()), a);
    await cluster.setPod({ name: "b", ip: "127.0.0.2" });
    await cluster.setPod({ name: "a", ip: "127.0.0.1", labels: { app: "other" } });
    await eventually("pod b alone", async () => (await pickOnce(picker.open())) === b);
    for (let request = 0; request < 5; request++) assert.equal(await pickOnce(picker.open()), b);
    await cluster.removePod("b");
    await eventually("no endpoint", async () => (await pickOnce(picker.open())) === "503");
    await cluster.removePool();
    await serving(picker, "NOT_SERVING");
    await cluster.setPool({ ports: [servers.port], selector: { app: "other" } });
    await eventually("pod a by the other selector", async () => (await pickOnce(picker.open())) === a);
    await serving(picker);
    picker.child.kill("SIGTERM");
    assert.equal(await picker.ended, 0);
  });

  test(`${name}: a completion through Envoy reaches the pod of the pool`, { skip: skipWithoutEnvoy }, async (t) => {
    const { cluster, servers } = await aPool(t, start);
    const picker = await startClusterProcess(t, cluster);
    const routing = { kind: "picker", host: "original-dst", pickers: [picker.address], failOpen: false } as const;
    const { listener } = await anEnvoy(t, routing, []);
    const ask = async (): Promise<string> => {
      const body = '{"model":"m","prompt":"hello"}';
      const url = `http://127.0.0.1:${listener.port}/v1/completions`;
      const answer = await fetch(url, { method: "POST", body });
      return `${answer.status} ${await answer.text()}`;
    };
    await eventually("an answer through Envoy", async () => (await ask()) === "200 127.0.0.1");
    await cluster.removePod("a");
    await eventually("a refusal through Envoy", async () => (await ask()).startsWith("503 inference error: "));
    assert.ok(servers.requests("127.0.0.1") > 0);
  });

  test(`${name}: F45 of two pickers one leads; it gives the lease up when told to stop, and is followed when killed`, async (t) => {
    const { cluster } = await aPool(t, start);
    const { leader, follower } = await aLeaderAndFollower(t, cluster, [...shortElection, shortDrain]);
    assert.deepEqual([await leader.health.check(""), await follower.health.check("")], ["SERVING", "NOT_SERVING"]);
    assert.match(await pickOnce(follower.open()), /^127\.0\.0\.1:/, "a follower is warm");
    leader.child.kill("SIGTERM");
    await serving(follower);
    assert.equal(await leader.ended, 0);
    assert.match(leader.log(), /Lease given up/);
    const third = await startClusterProcess(t, cluster, { args: shortElection });
    await eventually("a follower", () => /Follows: another picker leads/.test(third.log()));
    follower.child.kill("SIGKILL");
    await serving(third);
    assert.equal(await third.sample("epp_leader"), 1);
    assert.equal(await third.sample('epp_lease_errors_total{reason="forbidden"}'), undefined);
  });

  test(`${name}: T42 /metrics is for the token that may get it, and for kept answers while the API server is away`, async (t) => {
    const { cluster } = await aPool(t, start);
    const picker = await startClusterProcess(t, cluster, { args: ["--metrics-endpoint-auth=true"] });
    const read = async (token?: string): Promise<number> => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const answer = await fetch(`http://127.0.0.1:${picker.ports.metricsPort}/metrics`, { headers });
      await answer.arrayBuffer();
      return answer.status;
    };
    const { reader, stranger } = cluster.tokens;
    assert.deepEqual(await Promise.all([read(), read("made-up"), read(stranger), read(reader)]), [401, 401, 403, 200]);
    await serving(picker);
    await cluster.kill();
    assert.deepEqual(await Promise.all([read(reader), read("another")]), [200, 503]);
    await cluster.start();
    await eventually("an answer", async () => (await read("a-third")) === 401);
  });

  test(`${name}: F24 a picker goes on while the API server is away, and takes up what changed after its return`, async (t) => {
    const { cluster, servers } = await aPool(t, start);
    const picker = await startClusterProcess(t, cluster);
    await serving(picker);
    await cluster.kill();
    await eventually("attempts", () => /"reason":"connection"/.test(picker.log()));
    for (let request = 0; request < 5; request++) assert.match(await pickOnce(picker.open()), /^127\.0\.0\.1:/);
    assert.equal(await picker.health.check(""), "SERVING");
    await cluster.start();
    await servers.add("127.0.0.2");
    await cluster.setPod({ name: "b", ip: "127.0.0.2" });
    await cluster.removePod("a");
    await eventually("pod b", async () => (await pickOnce(picker.open())) === `127.0.0.2:${servers.port}`);
  });

  test(`${name}: epp doctor finds no error with the rights and objects of a picker`, async (t) => {
    const { cluster } = await aPool(t, start);
    await cluster.setPod({ name: "b", ip: "127.0.0.2", isReady: false });
    const { code, report } = await doctor(t, cluster);
    const { cluster: found, endpoints, findings } = report;
    assert.equal(code, 0, JSON.stringify(findings));
    assert.match(found?.user ?? "", /^system:serviceaccount:/);
    assert.deepEqual(
      found?.resources.filter(({ missing, unknown }) => missing.length + unknown.length > 0),
      [],
    );
    assert.deepEqual(
      found?.pods?.map((pod) => [pod.name, pod.endpoints.length, pod.why]),
      [
        ["a", 1, undefined],
        ["b", 0, "not-ready"],
      ],
    );
    assert.deepEqual(
      endpoints.map(({ id, reads }) => [id, reads.failed]),
      [[`${cluster.namespace}/a-rank-0`, 0]],
    );
    const codes = findings.map(({ code: finding }) => finding).filter((finding) => /^(pod|right|kind)/.test(finding));
    assert.deepEqual(codes, ["pod-excluded"]);
  });

  test(`${name}: epp doctor names the rights that a picker without its Role lacks`, async (t) => {
    const { cluster } = await aPool(t, start);
    await cluster.setRights(false);
    const { code, report } = await doctor(t, cluster);
    assert.equal(code, 1);
    const missing = report.cluster?.resources.filter((resource) => resource.missing.length > 0);
    assert.deepEqual(
      missing?.map(({ resource, granted }) => [resource.split(/[./]/)[0], granted.length]),
      ["pods", "inferencepools", ...objects, ...objects, "leases", "leases", "events"].map((plural) => [plural, 0]),
    );
    const found = report.findings.map(({ severity, code: finding }) => `${severity} ${finding}`);
    assert.deepEqual(
      found,
      ["error", "error", "warning", "note"].map((severity) => `${severity} right-missing`),
    );
    await cluster.setRights(true);
    assert.equal((await doctor(t, cluster)).code, 0);
  });
}

const objects = ["inferenceobjectives", "inferencemodelrewrites"];

/** Runs `epp doctor` with the credentials of the cluster's picker. */
async function doctor(
  t: TestContext,
  cluster: PickerCluster,
): Promise<{ readonly code: number | null; readonly report: DoctorReport }> {
  const kubeconfig = join(aFolder(t), "config");
  cluster.writeKubeconfig(kubeconfig);
  const pool = [`--pool-name=${cluster.poolName}`, `--pool-namespace=${cluster.namespace}`, "--allow-loopback"];
  const args = ["doctor", ...pool, "--ha-enable-leader-election", "--seconds=1", "--json"];
  const { code, stdout, stderr } = await runEpp(t, args, { KUBECONFIG: kubeconfig });
  assert.equal(stderr, "");
  return { code, report: JSON.parse(stdout) as DoctorReport };
}

/** A pool with one ready pod whose server answers with its address. */
async function aPool(
  t: TestContext,
  start: (t: TestContext) => Promise<PickerCluster>,
): Promise<{ readonly cluster: PickerCluster; readonly servers: PodServers }> {
  const cluster = await start(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  servers.answerWith((request, response) => {
    request.resume();
    response.end(request.socket.localAddress);
  });
  await cluster.setPool({ ports: [servers.port] });
  await cluster.setPod({ name: "a", ip: "127.0.0.1" });
  return { cluster, servers };
}
