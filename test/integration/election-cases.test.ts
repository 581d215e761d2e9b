import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { aCluster, pickOnce, type TestCluster } from "../support/a-cluster.ts";
import {
  aLeaderAndFollower,
  type ClusterProcess,
  shortElection,
  startClusterProcess,
} from "../support/a-cluster-process.ts";
import { anEnvoy } from "../support/an-envoy.ts";
import { skipWithoutEnvoy } from "../support/envoy.ts";
import { type PodServers, startPodServers } from "../support/pod-servers.ts";
import { until } from "../support/until.ts";

const leaseMs = 3000;
/** Envoy asks health every second. */
const healthCheckMs = 1000;
const extProc = "envoy.service.ext_proc.v3.ExternalProcessor";

/** A pool with one pod. */
async function aPool(t: TestContext): Promise<{ cluster: TestCluster; servers: PodServers }> {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  servers.answerWith((request, response) => {
    request.resume();
    response.end(request.socket.localAddress);
  });
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  return { cluster, servers };
}

/** Outcome of one request and when it was sent. */
interface Sent {
  readonly atMs: number;
  readonly status: number;
}

/** Sends a request every 50 ms until stopped, whatever becomes of those before. */
function steadily(t: TestContext, url: string): { readonly sent: readonly Sent[]; stop(): Promise<void> } {
  const sent: Sent[] = [];
  const running = new Set<Promise<void>>();
  const send = (): void => {
    const atMs = performance.now();
    const done = complete(url)
      .then((status) => void sent.push({ atMs, status }))
      .finally(() => running.delete(done));
    running.add(done);
  };
  const timer = setInterval(send, 50);
  t.after(() => clearInterval(timer));
  return {
    sent,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

/** Status of a completion; 0 when there was no answer. */
async function complete(url: string, withinMs = 10_000): Promise<number> {
  const signal = AbortSignal.timeout(withinMs);
  const body = '{"model":"m","prompt":"hello"}';
  const answer = await fetch(`${url}/v1/completions`, { method: "POST", body, signal }).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status ?? 0;
}

async function envoyBefore(
  t: TestContext,
  pickers: readonly ClusterProcess[],
  endpoints?: PodServers,
): Promise<string> {
  const addresses = pickers.map(({ address }) => address);
  const routing =
    endpoints === undefined
      ? ({ kind: "picker", host: "original-dst", pickers: addresses, failOpen: false } as const)
      : ({ kind: "picker", host: "override-host", pickers: addresses, failOpen: true } as const);
  const known = endpoints === undefined ? [] : [{ host: "127.0.0.1", port: endpoints.port }];
  const { listener } = await anEnvoy(t, routing, known);
  const url = `http://127.0.0.1:${listener.port}`;
  await until("an answer through Envoy", async () => (await complete(url)) === 200, 15_000);
  return url;
}

/** Time from `sinceMs` until every request sent is answered with 200. */
function outageMs(sent: readonly Sent[], sinceMs: number): number {
  const lastFailure = sent.findLast(({ status }) => status !== 200);
  return lastFailure === undefined ? 0 : Math.max(0, lastFailure.atMs - sinceMs);
}

test("F45 K7 the leader is killed: the follower serves within the lease and 2 s, and no request fails after that", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const { cluster } = await aPool(t);
  const { leader, follower } = await aLeaderAndFollower(t, cluster);
  const url = await envoyBefore(t, [leader, follower]);
  const load = steadily(t, url);
  await pause(500);
  const killedMs = performance.now();
  leader.child.kill("SIGKILL");
  const watch = follower.health.watch(extProc);
  while ((await watch.next()) !== "SERVING");
  const tookMs = performance.now() - killedMs;
  await pause(healthCheckMs + 1500);
  await load.stop();
  const silentMs = outageMs(load.sent, killedMs);
  t.diagnostic(
    `SERVING ${tookMs.toFixed(0)} ms after the kill, requests fail for ${silentMs.toFixed(0)} ms; lease ${leaseMs} ms`,
  );
  assert.ok(tookMs <= leaseMs + 2000, `${tookMs} ms`);
  assert.ok(silentMs <= leaseMs + 2000 + healthCheckMs, `${silentMs} ms`);
  assert.ok(load.sent.some(({ atMs, status }) => status === 200 && atMs > killedMs + silentMs));
  assert.equal(await follower.sample("epp_leader"), 1);
  assert.equal(await follower.sample('epp_leader_transitions_total{change="led"}'), 1);
});

test("F40 F45 the leader is told to stop: it gives the lease up, serves until hosts know of the next, and goes on while it drains", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const { cluster, servers } = await aPool(t);
  const { leader, follower } = await aLeaderAndFollower(t, cluster, [...shortElection, "--drain-timeout=8s"]);
  const url = await envoyBefore(t, [leader, follower]);
  const load = steadily(t, url);
  await pause(500);
  const [asked, watches, scrapes] = [performance.now(), cluster.server.watches("pods"), servers.requests()];
  const watch = leader.health.watch("");
  assert.equal(await watch.next(), "SERVING");
  const follows = follower.health.watch("");
  leader.child.kill("SIGTERM");
  while ((await follows.next()) !== "SERVING");
  const tookMs = performance.now() - asked;
  assert.ok(tookMs < leaseMs, `${tookMs} ms: not before the lease was over by itself`);
  assert.deepEqual(watch.statuses, ["SERVING"], "ready beside the next leader");
  assert.deepEqual([await leader.sample("epp_leader"), await follower.sample("epp_leader")], [0, 1]);
  assert.equal(await watch.next(), "NOT_SERVING");
  assert.equal(await leader.health.check("liveness"), "SERVING");
  assert.match(await pickOnce(leader.open()), /^127\.0\.0\.1:/, "streams are taken while it drains");
  assert.equal(cluster.server.watches("pods"), watches, "watches go on");
  await until("scrapes", () => servers.requests() > scrapes + 10);
  cluster.setPod({ name: "b", ip: "127.0.0.2" });
  await until(
    "another pod in the picker that drains",
    async () => (await leader.sample('llm_d_epp_ready_endpoints{name="pool"}')) === 2,
  );
  cluster.removePod("b");
  assert.equal(await leader.ended, 0);
  await load.stop();
  t.diagnostic(`SERVING ${tookMs.toFixed(0)} ms after SIGTERM; ${load.sent.length} requests`);
  assert.deepEqual(
    load.sent.filter(({ status }) => status !== 200),
    [],
  );
  assert.match(leader.log(), /Lease given up/);
  assert.match(leader.log(), /Lead handed over/);
  assert.match(leader.log(), /Drained: every stream has ended/);
});

test("F40 F45 one leader after the other is told to stop: the next is in before the last is out, and no request fails", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const { cluster } = await aPool(t);
  // Half of the drain is the most that a handover takes: takeover and what hosts need to notice fit in.
  const args = [...shortElection, "--drain-timeout=6s"];
  const { leader, follower } = await aLeaderAndFollower(t, cluster, args);
  const url = await envoyBefore(t, [leader, follower]);
  const load = steadily(t, url);
  let pair = [leader, follower] as const;
  const stops: number[] = [];
  for (let stop = 0; stop < 3; stop++) {
    const [leads, follows] = pair;
    await pause(500);
    stops.push(performance.now());
    leads.child.kill("SIGTERM");
    assert.equal(await leads.ended, 0);
    const next = await startClusterProcess(t, cluster, { args, ports: leads.ports });
    await until("a follower", () => /Follows: another picker leads/.test(next.log()), 15_000);
    pair = [follows, next];
  }
  await load.stop();
  const failed = load.sent.filter(({ status }) => status !== 200);
  const lost = stops.map((atMs, index) => {
    const own = failed.filter((sent) => sent.atMs >= atMs && sent.atMs < (stops[index + 1] ?? Infinity));
    return `${own.length} (the last ${((own.at(-1)?.atMs ?? atMs) - atMs).toFixed(0)} ms after the signal)`;
  });
  t.diagnostic(`${load.sent.length} requests; failed by stop: ${lost.join(", ")}`);
  assert.deepEqual(failed, []);
});

test("F42 a second signal ends a handover and the drain at once, and the lease is given up", async (t) => {
  const { cluster } = await aPool(t);
  const leader = await startClusterProcess(t, cluster, { args: ["--ha-enable-leader-election"] });
  const watch = leader.health.watch("");
  while ((await watch.next()) !== "SERVING");
  leader.child.kill("SIGTERM");
  await until("the first signal", () => /Lease given up/.test(leader.log()));
  assert.equal(await leader.health.check(""), "SERVING", "it hands over");
  leader.child.kill("SIGTERM");
  assert.equal(await leader.ended, 0);
  assert.match(leader.log(), /"windowEnd":"hurried"/);
  const next = await startClusterProcess(t, cluster, { args: ["--ha-enable-leader-election"] });
  await until(
    "the lead without waiting for the lease's end",
    () => /Leads: health is serving/.test(next.log()),
    10_000,
  );
});

test("F45b a leader that stood still beyond its lease is not serving when it goes on, answers streams, and follows", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const { cluster } = await aPool(t);
  const { leader, follower } = await aLeaderAndFollower(t, cluster);
  const url = await envoyBefore(t, [leader, follower]);
  leader.child.kill("SIGSTOP");
  const watch = follower.health.watch("");
  while ((await watch.next()) !== "SERVING");
  // The check waits in the socket: it is the first that the leader hears.
  const checks = Promise.all(["", "readiness", extProc, "liveness"].map((name) => leader.health.check(name)));
  await until("an answer by the new leader", async () => (await complete(url, 1000)) === 200, 10_000);
  const load = steadily(t, url);
  await pause(300);
  const goesOnMs = performance.now();
  leader.child.kill("SIGCONT");
  assert.deepEqual(await checks, ["NOT_SERVING", "NOT_SERVING", "NOT_SERVING", "SERVING"]);
  assert.match(await pickOnce(leader.open()), /^127\.0\.0\.1:/);
  await until("the old leader to follow", () => /Follows: another picker leads/.test(leader.log()));
  assert.match(leader.log(), /Lease not renewed in time|Lease has another holder/);
  await pause(1500);
  await load.stop();
  assert.deepEqual(
    load.sent.filter(({ atMs, status }) => atMs > goesOnMs && status !== 200),
    [],
    follower.log(),
  );
  assert.deepEqual([await leader.sample("epp_leader"), await follower.sample("epp_leader")], [0, 1]);
});

test("F45 G10 a follower is warm: it knows the pods, scrapes them and answers streams, and only liveness is serving", async (t) => {
  const { cluster } = await aPool(t);
  const { leader, follower } = await aLeaderAndFollower(t, cluster);
  assert.match(await pickOnce(follower.open()), /^127\.0\.0\.1:/);
  await until("samples", async () => (await follower.sample("epp_pool_degraded")) === 0);
  const names = ["", "readiness", extProc, "liveness", "inference-extension"];
  const statuses = (picker: ClusterProcess): Promise<string[]> =>
    Promise.all(names.map((name) => picker.health.check(name)));
  assert.deepEqual(await statuses(leader), ["SERVING", "SERVING", "SERVING", "SERVING", "SERVICE_UNKNOWN"]);
  assert.deepEqual(await statuses(follower), [
    "NOT_SERVING",
    "NOT_SERVING",
    "NOT_SERVING",
    "SERVING",
    "SERVICE_UNKNOWN",
  ]);
  assert.equal((await fetch(`http://127.0.0.1:${follower.ports.metricsPort}/readyz`)).status, 503);
  assert.equal((await fetch(`http://127.0.0.1:${leader.ports.metricsPort}/readyz`)).status, 200);
});

test("F24 F45 without an API server the leader steps down, goes on answering streams, and leads again after its return", async (t) => {
  const { cluster } = await aPool(t);
  const leader = await startClusterProcess(t, cluster, { args: shortElection });
  const watch = leader.health.watch("");
  while ((await watch.next()) !== "SERVING");
  await cluster.server.kill();
  assert.equal(await watch.next(), "NOT_SERVING");
  assert.equal(await leader.health.check("liveness"), "SERVING");
  assert.match(await pickOnce(leader.open()), /^127\.0\.0\.1:/);
  await cluster.server.restart();
  assert.equal(await watch.next(), "SERVING");
  assert.match(leader.log(), /"reason":"connection".*Cannot read or write the lease for now/);
});

test("F24 F45 without an API server since the start nobody stands for the lead or is ready; one leads once it answers", async (t) => {
  const { cluster } = await aPool(t);
  await cluster.server.kill();
  const pickers = await Promise.all([0, 1].map(() => startClusterProcess(t, cluster, { args: shortElection })));
  for (const picker of pickers) {
    await until("a line", () => /Cannot follow for now/.test(picker.log()));
    assert.deepEqual(await Promise.all(["", extProc, "liveness"].map((name) => picker.health.check(name))), [
      "NOT_SERVING",
      "NOT_SERVING",
      "SERVING",
    ]);
    assert.equal(await picker.sample("epp_leader"), 0);
    assert.doesNotMatch(picker.log(), /lease|Lease/);
  }
  await cluster.server.restart();
  const leaders = async (): Promise<number> =>
    (await Promise.all(pickers.map((picker) => picker.health.check("")))).filter((status) => status === "SERVING")
      .length;
  await until("a leader", async () => (await leaders()) === 1, 40_000);
});

test("a lease that RBAC forbids is named with what is missing, and nobody leads", async (t) => {
  const { cluster } = await aPool(t);
  cluster.server.forbidden.add("get leases");
  const picker = await startClusterProcess(t, cluster, { args: shortElection });
  await until("a line", () => /does the Role allow get and update on it, and create on leases\?/.test(picker.log()));
  assert.equal(await picker.health.check(""), "NOT_SERVING");
  assert.ok(((await picker.sample('epp_lease_errors_total{reason="forbidden"}')) ?? 0) > 0);
  cluster.server.forbidden.clear();
  await until("the lead", async () => (await picker.health.check("")) === "SERVING");
});

test("K7 a picker is restarted: routing resumes; all pods gone: 503; back: routing resumes", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const { cluster } = await aPool(t);
  const first = await startClusterProcess(t, cluster);
  const url = await envoyBefore(t, [first]);
  first.child.kill("SIGKILL");
  await first.ended;
  assert.notEqual(await complete(url), 200, "fail-closed");
  await startClusterProcess(t, cluster, { ports: first.ports });
  await until("routing", async () => (await complete(url)) === 200, 10_000);
  cluster.removePod("a");
  await until("503", async () => (await complete(url)) === 503);
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  await until("routing", async () => (await complete(url)) === 200, 1000 + 2000);
});

test("K4 without a picker and fail-open traffic still flows", { skip: skipWithoutEnvoy }, async (t) => {
  const { cluster, servers } = await aPool(t);
  const picker = await startClusterProcess(t, cluster);
  const url = await envoyBefore(t, [picker], servers);
  const load = steadily(t, url);
  await pause(500);
  picker.child.kill("SIGTERM");
  await picker.ended;
  await pause(2000);
  await load.stop();
  assert.deepEqual(
    load.sent.filter(({ status }) => status !== 200),
    [],
  );
  assert.equal(await complete(url), 200);
});
