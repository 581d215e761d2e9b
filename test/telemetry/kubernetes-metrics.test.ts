import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { KubernetesMetrics } from "../../src/telemetry/kubernetes-metrics.ts";
import { createRegistry } from "../../src/telemetry/registry.ts";
import { RecordingObserver } from "../support/kube/reflector-rig.ts";

/** Lines of our page about Kubernetes that have a value. */
async function page(registry: ReturnType<typeof createRegistry>): Promise<string[]> {
  const lines = (await registry.page()).split("\n");
  return lines.filter(
    (line) => line.startsWith("epp_kubernetes_") && line !== "epp_kubernetes_credentials_errors_total 0",
  );
}

test("F24 what reflectors do is counted and handed on, and watch_age rises while nothing is heard", async () => {
  const [registry, clock, next] = [createRegistry(), new VirtualClock(), new RecordingObserver()];
  const metrics = new KubernetesMetrics(registry, clock);
  const pods = metrics.observer("pods", next);
  clock.advance(3_000);
  assert.deepEqual(await page(registry), [
    'epp_kubernetes_watch_age_seconds{kind="pods"} 3',
    'epp_kubernetes_objects{kind="pods"} 0',
  ]);
  pods.listed("pods", 7);
  pods.heard("pods", 7);
  pods.watching("pods");
  pods.failed("pods", "timeout", "found no answer");
  pods.failed("pods", "timeout", "found no answer");
  pods.drifted("pods", 2);
  metrics.credentialsFailed();
  clock.advance(90_500);
  assert.deepEqual(await page(registry), [
    'epp_kubernetes_lists_total{kind="pods"} 1',
    'epp_kubernetes_watches_total{kind="pods"} 1',
    'epp_kubernetes_errors_total{kind="pods",reason="timeout"} 2',
    'epp_kubernetes_watch_age_seconds{kind="pods"} 90.5',
    'epp_kubernetes_objects{kind="pods"} 7',
    'epp_kubernetes_drift_objects_total{kind="pods"} 2',
    "epp_kubernetes_credentials_errors_total 1",
  ]);
  assert.deepEqual([next.lists, next.watches, next.words, next.drift, next.count("timeout")], [1, 1, 1, 2, 2]);
});

test("of two reflectors of a kind the younger word is shown, and a closed one leaves", async () => {
  const [registry, clock] = [createRegistry(), new VirtualClock()];
  const metrics = new KubernetesMetrics(registry, clock);
  const [before, after] = [metrics.observer("pods"), metrics.observer("pods")];
  before.heard("pods", 3);
  clock.advance(1_000);
  after.heard("pods", 5);
  const gauges = async (): Promise<string> => (await page(registry)).map((line) => line.split(" ")[1]).join();
  assert.equal(await gauges(), "0,5");
  before.closed("pods");
  assert.equal(await gauges(), "0,5");
  after.closed("pods");
  assert.equal(await gauges(), "");
});
