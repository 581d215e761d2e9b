import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { decisionsOfRequestSchema } from "../../src/decisions/decision-record.ts";
import { aCluster, type ClusterPicker, startClusterPicker, type TestCluster } from "../support/a-cluster.ts";
import { completion } from "../support/exchanges.ts";
import { type FakeModelServer, renderPage, sendPage, startFakeModelServer } from "../support/fake-model-server.ts";
import type { PodOptions } from "../support/kube-objects.ts";
import { until } from "../support/until.ts";

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - { type: prefix-cache-scorer }
  - { type: lora-affinity-scorer }
  - { type: max-score-picker }
schedulingProfiles:
  - name: default
    plugins:
      - { pluginRef: prefix-cache-scorer }
      - { pluginRef: lora-affinity-scorer }
      - { pluginRef: max-score-picker }
`;
const page = `${renderPage({ waiting: 3, running: 2, kvCacheRatio: 0.5 })}vllm:lora_requests_info{max_lora="4",running_lora_adapters="tuned",waiting_lora_adapters=""} 1.7e9\n`;
const former: PodOptions = { name: "a", uid: "former", ip: "127.0.0.1" };

/** Who takes over from the pod `former`, and how the API server is told of it. */
const successors: readonly {
  readonly what: string;
  readonly pod: PodOptions;
  /** The former pod is deleted first; otherwise its end goes unseen. */
  readonly isEndSeen: boolean;
}[] = [
  { what: "of its name and address", pod: { ...former, uid: "successor" }, isEndSeen: true },
  { what: "of its name and address, its end unseen", pod: { ...former, uid: "successor" }, isEndSeen: false },
  { what: "of another name on its address", pod: { ...former, name: "b", uid: "successor" }, isEndSeen: true },
];

/** Raw values that a decision saw of its only candidate: blocks of the prompt that it holds, its adapters, null when unknown. */
async function rawValues(p: ClusterPicker, requestId: string): Promise<readonly (number | null | undefined)[]> {
  const stream = p.open();
  const headers = [
    [":path", "/v1/completions"],
    ["x-request-id", requestId],
  ] as const;
  stream.requestHeaders(headers).requestBody(completion("tuned", "once upon a time ".repeat(200)));
  await stream.next();
  await stream.close();
  const response = await fetch(`http://127.0.0.1:${p.picker.metricsPort}/debug/decisions/${requestId}`);
  const [record] = decisionsOfRequestSchema.parse(await response.json()).decisions;
  assert.deepEqual(
    record?.scorers.map(({ type }) => type),
    ["prefix-cache-scorer", "lora-affinity-scorer"],
  );
  return record?.candidates[0]?.scores.map(({ raw }) => raw) ?? [];
}

async function aPoolOfOne(
  t: TestContext,
): Promise<{ cluster: TestCluster; server: FakeModelServer; p: ClusterPicker }> {
  const server = await startFakeModelServer(t);
  server.answerWith((_request, response) => sendPage(response, page));
  const cluster = await aCluster(t);
  cluster.setPool({ ports: [server.port] });
  cluster.setPod(former);
  const p = await startClusterPicker(t, cluster, { config });
  await until("adapters", () => p.picker.store.snapshot()[0]?.signals.adapters.value?.running.has("tuned") === true);
  return { cluster, server, p };
}

for (const { what, pod, isEndSeen } of successors) {
  test(`F20 a pod ${what} inherits neither prefixes nor adapters nor samples, also none that was under way`, async (t) => {
    const { cluster, server, p } = await aPoolOfOne(t);
    assert.deepEqual(await rawValues(p, "first"), [0, 1]);
    const [held = 0] = await rawValues(p, "second");
    assert.ok((held ?? 0) > 10, `${held} blocks`);
    const waiting: ServerResponse[] = [];
    server.answerWith((_request, response) => void waiting.push(response));
    await until("a scrape of the former pod", () => waiting.length > 0);
    if (!isEndSeen) cluster.server.faults.swallowEvents = 1;
    cluster.removePod("a");
    cluster.setPod(pod);
    const endpoint = (): Endpoint | undefined => p.picker.store.snapshot()[0];
    await until("the successor", () => endpoint()?.incarnation.split("@")[0] === "successor");
    const [late] = waiting.splice(0);
    await until("a scrape of the successor", () => waiting.length > 0);
    if (late !== undefined) sendPage(late, page);
    assert.deepEqual(await rawValues(p, "third"), [0, null]);
    const { signals } = endpoint() ?? {};
    assert.deepEqual([...new Set(Object.values(signals ?? {}).map(({ sampledAtMs }) => sampledAtMs))], [-Infinity]);
    for (const response of waiting.splice(0)) sendPage(response, page);
    await until("its own adapters", () => endpoint()?.signals.adapters.value?.running.has("tuned") === true);
    assert.deepEqual(await rawValues(p, "fourth"), [held, 1]);
  });
}
