import assert from "node:assert/strict";
import { platform } from "node:os";
import { test } from "node:test";
import { aCluster } from "../support/a-cluster.ts";
import { startClusterProcess } from "../support/a-cluster-process.ts";
import { connectHealth } from "../support/health-client.ts";
import { listeningSockets } from "../support/listening-ports.ts";
import { until } from "../support/until.ts";

const skip = platform() !== "linux" && "reads /proc";

test("T42 T60 the process listens on its three ports and no other, at --host alone; SIGUSR1 opens no inspector", {
  skip,
}, async (t) => {
  const cluster = await aCluster(t);
  cluster.setPool();
  const { child, ports, health, log } = await startClusterProcess(t, cluster);
  const { grpcPort, grpcHealthPort, metricsPort } = ports;
  const want = new Set([grpcPort, grpcHealthPort, metricsPort]);
  const sockets = listeningSockets(child.pid ?? 0);
  assert.deepEqual(new Set(sockets.map(({ port }) => port)), want);
  assert.ok(sockets.every(({ isLoopback }) => isLoopback));
  await until("SERVING", async () => (await health.check("")) === "SERVING");
  child.kill("SIGUSR1");
  await until("a line about the signal", () => /"signal":"SIGUSR1"/.test(log()));
  assert.deepEqual(new Set(listeningSockets(child.pid ?? 0).map(({ port }) => port)), want);
  assert.doesNotMatch(log(), /Debugger listening/);
});

test("SIGHUP without a terminal stops nothing, and says that files are read anyway", async (t) => {
  const cluster = await aCluster(t);
  cluster.setPool();
  const { child, health, log } = await startClusterProcess(t, cluster);
  await until("SERVING", async () => (await health.check("")) === "SERVING");
  child.kill("SIGHUP");
  await until("a line about the signal", () => /"signal":"SIGHUP".*Nothing to do/.test(log()));
  assert.equal(await health.check(""), "SERVING");
  assert.equal(child.exitCode, null);
});

test("--health-checking=false leaves health to its own port", async (t) => {
  const cluster = await aCluster(t);
  cluster.setPool();
  const withHealth = await startClusterProcess(t, cluster);
  const without = await startClusterProcess(t, cluster, { args: ["--health-checking=false"] });
  const onGrpcPort = (port: number): Promise<string> =>
    connectHealth(t, port)
      .check("")
      .catch(({ code }: { code?: number }) => `code ${code}`);
  await until("SERVING", async () => (await withHealth.health.check("")) === "SERVING");
  assert.equal(await onGrpcPort(withHealth.ports.grpcPort), "SERVING");
  assert.equal(await onGrpcPort(without.ports.grpcPort), "code 12", "UNIMPLEMENTED");
  await until("SERVING", async () => (await without.health.check("")) === "SERVING");
});

test("-v 4 and --enable-grpc-stream-metrics take effect; without the latter the families are not there", async (t) => {
  const cluster = await aCluster(t);
  cluster.setPool();
  const args = ["--enable-grpc-stream-metrics", "-v", "4"];
  const { sample, ports } = await startClusterProcess(t, cluster, { args });
  assert.equal(await sample("llm_d_epp_extproc_streams_inflight"), 0);
  const page = await (await fetch(`http://127.0.0.1:${ports.metricsPort}/metrics`)).text();
  assert.match(page, /^# TYPE llm_d_epp_extproc_stream_duration_seconds histogram$/m);
});
