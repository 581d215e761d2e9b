import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { Health, type HealthState, type ServingStatus, servingStatus } from "../../src/extproc/health.ts";
import { startTestPicker } from "../support/a-picker.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { connectHealth } from "../support/health-client.ts";
import { until } from "../support/until.ts";

const extProc = "envoy.service.ext_proc.v3.ExternalProcessor";
const ready: HealthState = {
  isSynced: true,
  protocolMatches: true,
  pluginsReady: true,
  isDraining: false,
  leader: "none",
};
const unready = { ...ready, pluginsReady: false };

/** Of "", readiness, ext_proc, liveness and a name nobody knows: S serving, N not serving, ? unknown. */
const matrix: readonly [what: string, state: HealthState, want: string][] = [
  ["no election, all well", ready, "SSSSS"],
  ["no election, not synced", { ...ready, isSynced: false }, "NNNNN"],
  ["no election, protocol mismatch", { ...ready, protocolMatches: false }, "NNNNN"],
  ["no election, plugin unready", unready, "NNNSS"],
  ["no election, draining", { ...ready, isDraining: true }, "NNNNN"],
  ["leader, all well", { ...ready, leader: "leader" }, "SSSS?"],
  ["leader, not synced", { ...ready, leader: "leader", isSynced: false }, "NNNS?"],
  ["leader, protocol mismatch", { ...ready, leader: "leader", protocolMatches: false }, "NNNS?"],
  ["leader, plugin unready", { ...unready, leader: "leader" }, "NNNS?"],
  ["leader, draining", { ...ready, leader: "leader", isDraining: true }, "NNNS?"],
  ["follower, all well", { ...ready, leader: "follower" }, "NNNS?"],
  ["follower, draining", { ...ready, leader: "follower", isDraining: true }, "NNNS?"],
];
const letters: Readonly<Record<ServingStatus, string>> = { SERVING: "S", NOT_SERVING: "N", SERVICE_UNKNOWN: "?" };

for (const [what, state, want] of matrix) {
  test(`G10 health by service name: ${what}`, () => {
    const names = ["", "readiness", extProc, "liveness", "inference-extension"];
    assert.equal(names.map((name) => letters[servingStatus(name, state)]).join(""), want);
  });
}

test("G10 F45b a lead that is over is seen at the next check, whatever was told before; watchers hear of it", () => {
  const health = new Health(ready);
  let leads = false;
  health.followLead(() => leads);
  const statuses = (): string[] => ["", "liveness", "nobody"].map((name) => health.status(name));
  assert.deepEqual(statuses(), ["NOT_SERVING", "SERVING", "SERVICE_UNKNOWN"]);
  leads = true;
  assert.deepEqual(statuses(), ["SERVING", "SERVING", "SERVICE_UNKNOWN"]);
  leads = false;
  assert.deepEqual(statuses(), ["NOT_SERVING", "SERVING", "SERVICE_UNKNOWN"]);
});

test("F63 a watcher is told of changes of its service only, and nothing after the end", () => {
  const health = new Health({ ...ready, leader: "leader" });
  assert.equal(health.status("nobody"), "SERVICE_UNKNOWN");
  health.change({ leader: "none" });
  assert.equal(health.status("nobody"), "SERVING");
  health.close();
  health.change({ isDraining: true });
  assert.equal(health.status(""), "NOT_SERVING");
});

test("F63 Check, List and Watch say the same on both ports, and a drain is pushed to watchers before their end", async (t) => {
  const server = await startFakeModelServer(t);
  const { picker } = await startTestPicker(t, [server], { hardStopMs: 2000 });
  const clients = [picker.grpcPort, picker.grpcHealthPort].map((port) => connectHealth(t, port));
  const watches = clients.map((client) => client.watch(extProc));
  for (const client of clients) {
    assert.equal(await client.check("inference-extension"), "SERVING");
    assert.deepEqual(await client.list(), {
      "": "SERVING",
      liveness: "SERVING",
      readiness: "SERVING",
      [extProc]: "SERVING",
    });
  }
  for (const watch of watches) assert.equal(await watch.next(), "SERVING");
  const closed = picker.close();
  for (const watch of watches) {
    assert.equal(await watch.next(), "NOT_SERVING");
    assert.equal(await watch.over, 0);
    assert.deepEqual(watch.statuses, ["SERVING", "NOT_SERVING"]);
  }
  await closed;
});

test("F38 a picker is not ready before its first round of scrapes, and ready after it", async (t) => {
  const server = await startFakeModelServer(t);
  let answer = (): void => {};
  server.answerWith((_request, response) => {
    answer = () => response.writeHead(500).end();
  });
  const { picker } = await startTestPicker(t, [server], { scraped: false });
  const watch = connectHealth(t, picker.grpcHealthPort).watch("");
  assert.equal(await watch.next(), "NOT_SERVING");
  await until("a scrape", () => server.requests() > 0);
  answer();
  assert.equal(await watch.next(), "SERVING");
});

test("F39 a picker without endpoints is ready, and takes those that come", async (t) => {
  const server = await startFakeModelServer(t);
  const { picker, endpointsFile } = await startTestPicker(t, [], { scraped: false });
  assert.equal(await connectHealth(t, picker.grpcHealthPort).check("readiness"), "SERVING");
  writeFileSync(
    endpointsFile,
    JSON.stringify({ endpoints: [{ name: "a", address: server.host, port: `${server.port}` }] }),
  );
  await until("the endpoint", () => picker.store.snapshot().length === 1);
});
