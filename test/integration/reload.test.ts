import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { startTestPicker, type TestPicker, type TestPickerOptions } from "../support/a-picker.ts";
import { aConfig } from "../support/a-plan.ts";
import { completion, destinationOf } from "../support/exchanges.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

const byQueue = aConfig("plugins: [{type: queue-scorer}]");
const byPrefix = (weight: number): string =>
  aConfig(`plugins: [{type: prefix-cache-scorer}, {type: queue-scorer}]
schedulingProfiles:
  - name: default
    plugins: [{pluginRef: prefix-cache-scorer, weight: ${weight}}, {pluginRef: queue-scorer, weight: 0.01}]`);

interface Reloadable extends TestPicker {
  /** Replaces the file as a ConfigMap does, and waits until it was taken or rejected. */
  write(text: string, outcome: "ok" | "rejected"): Promise<void>;
}

/** A picker that looks at its config file every 2 ms. */
async function aReloadable(t: TestContext, config: string, options: TestPickerOptions = {}): Promise<Reloadable> {
  const folder = mkdtempSync(join(tmpdir(), "epp-reload-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "config.yaml");
  const replace = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  replace(config);
  const load = (text: string) =>
    loadConfig(text, { file: path, registry: builtInRegistry, allowExperimentalPlugins: false, hashKey: 1n });
  const servers = [await startFakeModelServer(t), await startFakeModelServer(t)];
  const picker = await startTestPicker(t, servers, { config, watchedConfig: { path, load, pollMs: 2 }, ...options });
  const counts = { ok: 0, rejected: 0 };
  const count = async (outcome: "ok" | "rejected"): Promise<number> =>
    (await picker.sample(`epp_file_reloads_total{file="config",outcome="${outcome}"}`)) ?? 0;
  const write = async (text: string, outcome: "ok" | "rejected"): Promise<void> => {
    replace(text);
    counts[outcome]++;
    while ((await count(outcome)) < counts[outcome]) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  return { ...picker, write };
}

async function revisionOf(picker: TestPicker): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${picker.picker.metricsPort}/debug/decisions/request-1`);
  const { decisions } = (await response.json()) as { decisions: readonly { configRevision: string }[] };
  return decisions[0]?.configRevision ?? assert.fail("no decision is recorded");
}

test("a changed config holds from the next request on and keeps what was learned", async (t) => {
  const picker = await aReloadable(t, byPrefix(5));
  const prompt = "to be or not to be, that is the question: ".repeat(40);
  const first = await destinationOf(picker, completion("base", prompt));
  const before = await revisionOf(picker);
  await picker.write(byPrefix(7), "ok");
  for (let i = 0; i < 10; i++) {
    assert.equal(await destinationOf(picker, completion("base", prompt)), first, "the prefix index is the same");
  }
  assert.notEqual(await revisionOf(picker), before, "the record names the new revision");
});

test("F64 a bad config changes nothing, is counted, and a good one afterwards holds", async (t) => {
  const picker = await aReloadable(t, byQueue);
  const isForwarded = async (): Promise<boolean> =>
    typeof (await destinationOf(picker, completion("base"))) === "string";
  assert.ok(await isForwarded());
  const before = await revisionOf(picker);
  for (const bad of ["plugins: [", aConfig("plugins: [{type: no-such-scorer}]"), aConfig("plugin: []")]) {
    await picker.write(bad, "rejected");
    assert.ok(await isForwarded());
    assert.equal(await revisionOf(picker), before);
  }
  await picker.write(byPrefix(3), "ok");
  assert.ok(await isForwarded());
  assert.notEqual(await revisionOf(picker), before);
});

test("a config that reads metrics elsewhere makes scraping go there, samples stay", async (t) => {
  const other = await startFakeModelServer(t, { waiting: 42 });
  const picker = await aReloadable(t, byQueue);
  const waiting = (): (number | undefined)[] =>
    picker.picker.store.snapshot().map(({ signals }) => signals.waitingRequests.value);
  await picker.write(
    aConfig(`plugins: [{type: queue-scorer}, {type: metrics-data-source, parameters: {port: ${other.port}}}]`),
    "ok",
  );
  await until("a page from the other port", () => waiting().some((value) => value === 42));
  const missing = "{scheme: https, caCertPath: /nonexistent/ca.pem}";
  await picker.write(
    aConfig(`plugins: [{type: queue-scorer}, {type: metrics-data-source, parameters: ${missing}}]`),
    "rejected",
  );
});

test("1,000 reloads under load fail no request", async (t) => {
  const picker = await aReloadable(t, byPrefix(1));
  let isDone = false;
  let requests = 0;
  const load = Array.from({ length: 4 }, async () => {
    while (!isDone) {
      const destination = await destinationOf(picker, completion("base", `prompt ${requests}`));
      assert.equal(typeof destination, "string", `request ${requests} was answered with ${destination}`);
      requests++;
    }
  });
  for (let i = 0; i < 1000; i++) await picker.write(byPrefix(2 + (i % 900) / 7), "ok");
  isDone = true;
  await Promise.all(load);
  assert.ok(requests > 1000, `${requests} requests`);
  assert.equal(picker.picker.store.ledger.total, 0);
});
