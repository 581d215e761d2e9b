import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { credentials } from "@grpc/grpc-js";
import { unavailableFlags } from "../../src/cli/serve-flags.ts";
import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { type DeployedPicker, startDeployed } from "../support/a-deployed-picker.ts";
import { connectAsEnvoy, setHeaders } from "../support/ext-proc-client.ts";
import { connectHealth } from "../support/health-client.ts";
import {
  type ClusterObject,
  clusterObjects,
  type Container,
  goldenObjects,
  helmScript,
  pickerContainer,
  theObject,
} from "../support/manifests.ts";

const base = clusterObjects(readFileSync("manifests/kustomize/base/picker.yaml", "utf8"));
const podIp = "127.0.3.7";
/** TLS without verification. */
const insecure = credentials.createSsl(null, null, null, { rejectUnauthorized: false });

for (const name of helmScript.renderedCases) {
  const objects = goldenObjects(name);
  const container = pickerContainer(theObject(objects, "Deployment", "llm-epp"));
  const { data } = theObject(objects, "ConfigMap", "llm-epp");
  const used = container.args[container.args.indexOf("--config-file") + 1]?.replace("/config/", "") ?? "";

  test(`${name}: the config that the picker is started with is in the ConfigMap`, () => {
    assert.ok(Object.hasOwn(data, used), used);
  });

  for (const [file, text] of Object.entries(data)) {
    test(`${name}: the picker takes ${file}`, () => {
      const options = { file, registry: builtInRegistry, allowExperimentalPlugins: false, hashKey: 1n };
      const loaded = loadConfig(text, options);
      assert.equal(loaded.kind, "ok", loaded.kind === "ok" ? "" : formatProblems(loaded.problems));
    });
  }

  test(`${name}: the rendered arguments start the picker, which picks a pod`, {
    skip: lacking(container.args),
  }, async (t) => {
    const picker = await startDeployed(t, { objects, podIp });
    await expectPick(t, picker, { objects, container });
  });
}

const baseContainer = pickerContainer(theObject(base, "Deployment", "llm-epp"));

test("kustomize base: the arguments start the picker, which picks a pod", {
  skip: lacking(baseContainer.args),
}, async (t) => {
  const container = baseContainer;
  const args = container.args.map((arg) => arg.replace("$(NAMESPACE)", "serving"));
  const picker = await startDeployed(t, { objects: base, args, podIp });
  await expectPick(t, picker, { objects: base, container });
});

const referenceArgs = [
  ["--pool-name", "llm", "--pool-namespace", "serving", "--pool-group", "inference.networking.k8s.io"],
  ["--zap-encoder", "json", "--config-file", "/config/default-plugins.yaml", "--grpc-health-port", "9003"],
  ["--v=1", "--tracing=false", "--metrics-endpoint-auth=false"],
].flat();

test("arguments as the reference's chart renders them start the picker, which picks a pod", {
  skip: lacking(referenceArgs),
}, async (t) => {
  const objects = goldenObjects("gateway");
  const picker = await startDeployed(t, { objects, args: referenceArgs, podIp });
  const container = pickerContainer(theObject(objects, "Deployment", "llm-epp"));
  await expectPick(t, picker, { objects, container });
});

const httpRequest = [
  [":method", "GET"],
  [":path", "/v1/models"],
] as const;
/** For configs whose parser takes nothing else. */
const grpcRequest = [
  [":method", "POST"],
  [":path", "/vllm.grpc.engine.VllmEngine/HealthCheck"],
  ["content-type", "application/grpc"],
] as const;

/** The probes find the picker healthy, a request goes to a port of the pod, and SIGTERM ends it with 0. */
async function expectPick(
  t: TestContext,
  { child, ports }: DeployedPicker,
  { objects, container }: { readonly objects: readonly ClusterObject[]; readonly container: Container },
): Promise<void> {
  const health = connectHealth(t, ports.grpcHealthPort);
  const { service } = container.readinessProbe.grpc as { readonly service: string };
  const readiness = health.watch(service);
  while ((await readiness.next()) !== "SERVING");
  const isSecure = !container.args.includes("--secure-serving=false");
  const stream = connectAsEnvoy(t, ports.grpcPort, isSecure ? insecure : credentials.createInsecure()).open();
  const config = theObject(objects, "ConfigMap", "llm-epp").data as Readonly<Record<string, string>>;
  const isGrpc = Object.values(config).some((text) => /vllm-?grpc/.test(text));
  stream.requestHeaders(isGrpc ? grpcRequest : httpRequest, true);
  const destination = setHeaders(await stream.next())["x-gateway-destination-endpoint"] ?? "";
  const pool = objects.find(({ kind }) => kind === "InferencePool");
  const numbers = pool?.spec.targetPorts.map(({ number }) => number) ?? [8000, 8001];
  assert.ok(numbers.map((number) => `${podIp}:${number}`).includes(destination), destination);
  await stream.close();
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  assert.equal(await readiness.next(), "NOT_SERVING");
  child.kill("SIGTERM"); // no need to wait for hosts
  assert.deepEqual(await ended, [0, null]);
}

/** Why arguments cannot be tried with this version; false when they can. */
function lacking(args: readonly string[]): string | false {
  const flag = Object.keys(unavailableFlags).find((name) =>
    args.some((arg) => arg === name || arg.startsWith(`${name}=`)),
  );
  return flag === undefined ? false : `${flag} is not available in this version`;
}
