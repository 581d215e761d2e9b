import assert from "node:assert/strict";
import { test } from "node:test";
import { aCluster } from "../support/a-cluster.ts";
import { aClusterGateway } from "../support/a-cluster-gateway.ts";
import { skipWithoutEnvoy } from "../support/envoy.ts";
import { startPodServers } from "../support/pod-servers.ts";
import { until } from "../support/until.ts";

test("F24 through Envoy: no request fails while the API server is away, and its new state is in force after it", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const cluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1", "127.0.0.2"]);
  servers.answerWith((request, response) => void response.end(request.socket.localAddress));
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const { url, picker } = await aClusterGateway(t, cluster);
  const complete = async (): Promise<string> => {
    const body = '{"model":"m","prompt":"hello"}';
    const answer = await fetch(`${url}/v1/completions`, { method: "POST", body });
    return answer.status === 200 ? answer.text() : `status ${answer.status}`;
  };
  await until("a watch", () => cluster.server.watches("pods") === 1);
  const before = await picker.sample('epp_kubernetes_lists_total{kind="pods"}');
  await cluster.server.kill();
  cluster.setPod({ name: "b", ip: "127.0.0.2" });
  cluster.removePod("a");
  cluster.server.store.skipVersions(1);
  cluster.server.store.compact();
  const connections = async (): Promise<number> =>
    (await picker.sample('epp_kubernetes_errors_total{kind="pods",reason="connection"}')) ?? 0;
  await until(
    "some attempts",
    async () => {
      assert.equal(await complete(), "127.0.0.1");
      return (await connections()) >= 3;
    },
    20_000,
  );
  await cluster.server.start();
  await until(
    "the new pod",
    async () => {
      const answer = await complete();
      assert.match(answer, /^127\.0\.0\.[12]$/);
      return answer === "127.0.0.2";
    },
    35_000,
  );
  assert.equal(await complete(), "127.0.0.2");
  assert.equal(await picker.sample('epp_kubernetes_lists_total{kind="pods"}'), (before ?? 0) + 1);
});
