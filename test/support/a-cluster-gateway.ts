import type { TestContext } from "node:test";
import type { EnvoyRun } from "../../simulator/demo/envoy-process.ts";
import { type ClusterPicker, type ClusterPickerOptions, startClusterPicker, type TestCluster } from "./a-cluster.ts";
import { anEnvoy } from "./an-envoy.ts";
import { until } from "./until.ts";

/** A picker that follows a pool of a fake cluster, and a real Envoy before its pods. */
export interface ClusterGateway {
  readonly url: string;
  readonly picker: ClusterPicker;
}

/** What a test changes about the gateway of a cluster. */
export interface ClusterGatewayOptions extends ClusterPickerOptions {
  /** Makes Envoy's bootstrap of the one that the picker comes with. */
  readonly adapt?: EnvoyRun["adapt"];
}

/** Starts both for the pool `ns/pool`, which must be there; stopped with the test. */
export async function aClusterGateway(
  t: TestContext,
  cluster: TestCluster,
  { adapt, ...options }: ClusterGatewayOptions = {},
): Promise<ClusterGateway> {
  const picker = await startClusterPicker(t, cluster, options);
  const { grpcPort: port, grpcHealthPort: healthPort } = picker.picker;
  const pickers = [{ host: "127.0.0.1", port, healthPort, isSecure: false }];
  const { listener } = await anEnvoy(t, { kind: "picker", host: "original-dst", pickers, failOpen: false }, [], adapt);
  const url = `http://127.0.0.1:${listener.port}`;
  await until("an answer of the picker through Envoy", async () => {
    const answer = await fetch(`${url}/v1/completions`, { method: "POST", body: "{}" });
    await answer.arrayBuffer();
    return answer.status === 400;
  });
  return { url, picker };
}
