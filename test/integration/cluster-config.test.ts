import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aCluster, pickOnce } from "../support/a-cluster.ts";
import { startClusterProcess } from "../support/a-cluster-process.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { aFolder } from "../support/kube/reflector-rig.ts";
import { runEpp } from "../support/run-epp.ts";
import { until } from "../support/until.ts";

const secret = "canary-d41d8cd98f";
const configOf = (plugin: string): string =>
  `# ${secret}\napiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{ type: ${plugin} }]\n`;

/** A folder as kubelet mounts a ConfigMap: the file is a link through `..data`, which is replaced as a whole. */
function aConfigMap(folder: string): { readonly path: string; readonly write: (text: string) => void } {
  let revision = 0;
  const write = (text: string): void => {
    const version = `..v${revision++}`;
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, "epp.yaml"), text);
    symlinkSync(version, join(folder, "..next"));
    renameSync(join(folder, "..next"), join(folder, "..data"));
  };
  symlinkSync("..data/epp.yaml", join(folder, "epp.yaml"));
  return { path: join(folder, "epp.yaml"), write };
}

test("F64 T60 a mounted config that is replaced badly leaves the good one; nothing of its text is in logs or pages", async (t) => {
  const cluster = await aCluster(t);
  const server = await startFakeModelServer(t);
  cluster.setPool({ ports: [server.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const { path, write } = aConfigMap(aFolder(t));
  write(configOf("queue-scorer"));
  const args = ["--config-file", path];
  const { health, open, log, sample, ports } = await startClusterProcess(t, cluster, { args });
  await until("SERVING", async () => (await health.check("")) === "SERVING");
  const reloads = async (outcome: string): Promise<number> =>
    (await sample(`epp_file_reloads_total{file="config",outcome="${outcome}"}`)) ?? 0;
  const bad = [
    configOf("queue-scorer").slice(0, -9),
    configOf("queue-scorrer"),
    `${configOf("queue-scorer")}pluggins: []\n`,
  ];
  for (const [index, text] of bad.entries()) {
    write(text);
    await until("a rejection", async () => (await reloads("rejected")) === index + 1);
    assert.equal(await pickOnce(open()), server.address);
  }
  assert.match(log(), /epp\.yaml.*Config not usable, the last good one stays/);
  write(configOf("kv-cache-utilization-scorer"));
  await until("a reload", async () => (await reloads("ok")) === 1);
  assert.equal(await pickOnce(open()), server.address);
  const pages = ["/metrics", "/debug/endpoints", "/debug/decisions", "/healthz"].map(async (page) =>
    (await fetch(`http://127.0.0.1:${ports.metricsPort}${page}`)).text(),
  );
  assert.doesNotMatch((await Promise.all(pages)).join("\n") + log(), new RegExp(secret));
});

test("F64 T60 a bad config at the start ends a picker of a cluster with 1, and its path, place and reason", async (t) => {
  const path = join(aFolder(t), "epp.yaml");
  writeFileSync(path, configOf("queue-scorrer"));
  const { code, stderr } = await runEpp(t, ["serve", "--pool-name", "pool", "--config-file", path]);
  assert.equal(code, 1);
  assert.match(stderr, /epp\.yaml:4:19 plugins\[0\]\.type: .*"queue-scorrer".*did you mean "queue-scorer"/);
  assert.doesNotMatch(stderr, new RegExp(secret));
});
