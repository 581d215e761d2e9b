import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  type ClusterObject,
  clusterObjects,
  containersOf,
  goldenObjects,
  helmScript,
  pickerContainer,
  theObject,
} from "../support/manifests.ts";

const base = clusterObjects(readFileSync("manifests/kustomize/base/picker.yaml", "utf8"));
const rendered: readonly (readonly [name: string, objects: readonly ClusterObject[]])[] = [
  ...helmScript.renderedCases.map((name) => [name, goldenObjects(name)] as const),
  ["kustomize base", base],
];
const deploymentsOf = (objects: readonly ClusterObject[]): readonly ClusterObject[] =>
  objects.filter(({ kind }) => kind === "Deployment");
const kindsOf = (name: string): readonly string[] =>
  [...new Set(goldenObjects(name).map(({ kind }) => kind))].toSorted();

for (const [name, objects] of rendered) {
  test(`${name}: no two objects have a kind and a name in common`, () => {
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    assert.deepEqual(names, [...new Set(names)]);
  });

  test(`${name}: pods run as nobody, without capabilities, on a read-only file system, with resources`, () => {
    for (const deployment of deploymentsOf(objects)) {
      const { securityContext, automountServiceAccountToken } = deployment.spec.template.spec;
      const { runAsNonRoot, runAsUser, seccompProfile } = securityContext;
      assert.deepEqual({ runAsNonRoot, runAsUser, seccompProfile }, nobody);
      assert.equal(automountServiceAccountToken, false);
      for (const container of containersOf(deployment)) {
        assert.deepEqual(container.securityContext, powerless);
        assert.ok(container.resources.requests !== undefined && container.resources.limits !== undefined);
      }
    }
  });

  test(`${name}: the picker's token is bound and short-lived, and no other container has it`, () => {
    const { spec } = theDeployment(objects).spec.template;
    const token = spec.volumes.find((volume) => volume.name === "api-token")?.projected;
    assert.deepEqual(token?.sources[0], { serviceAccountToken: { path: "token", expirationSeconds: 3600 } });
    assert.equal(token?.defaultMode, 0o440);
    const holders = containersOf(theDeployment(objects)).filter(({ volumeMounts }) =>
      volumeMounts.some((mount) => mount.name === "api-token"),
    );
    assert.deepEqual(
      holders.map((container) => container.name),
      ["epp"],
    );
  });

  test(`${name}: ports, Service and InferencePool name the same numbers`, () => {
    const container = pickerContainer(theDeployment(objects));
    const ports = Object.fromEntries(container.ports.map((port) => [port.name, port.containerPort]));
    assert.deepEqual(
      { grpc: ports["grpc"], health: ports["grpc-health"], metrics: ports["metrics"] },
      {
        grpc: Number(argument(container.args, "--grpc-port")),
        health: Number(argument(container.args, "--grpc-health-port")),
        metrics: Number(argument(container.args, "--metrics-port")),
      },
    );
    const service = theObject(objects, "Service", "llm-epp");
    const [extProc, metrics] = service.spec.ports;
    assert.deepEqual(
      [extProc?.port, extProc?.appProtocol, metrics?.port],
      [ports["grpc"], "kubernetes.io/h2c", ports["metrics"]],
    );
    for (const pool of objects.filter(({ kind }) => kind === "InferencePool")) {
      const { failureMode, ...ref } = pool.spec.endpointPickerRef;
      assert.deepEqual(ref, { name: service.metadata.name, port: { number: extProc?.port } });
      assert.match(failureMode, /^Fail(Open|Close)$/);
    }
  });

  test(`${name}: probes ask for the services of the election, or for the one without`, () => {
    const container = pickerContainer(theDeployment(objects));
    const election = container.args.find((arg) => arg.startsWith("--ha-enable-leader-election"));
    const isElection = election !== undefined && !election.endsWith("=false");
    const port = Number(argument(container.args, "--grpc-health-port"));
    const [live, ready] = isElection ? ["liveness", "readiness"] : ["inference-extension", "inference-extension"];
    assert.deepEqual(container.startupProbe.grpc, { port, service: live });
    assert.deepEqual(container.livenessProbe.grpc, { port, service: live });
    assert.deepEqual(container.readinessProbe.grpc, { port, service: ready });
  });

  test(`${name}: a pod ends in its own time`, () => {
    const { spec } = theDeployment(objects).spec.template;
    const { preStop } = pickerContainer(theDeployment(objects)).lifecycle;
    assert.ok(preStop.sleep.seconds + 120 < spec.terminationGracePeriodSeconds, "less than --drain-hard-stop is left");
  });
}

const nobody = { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } };
const powerless = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

test("what is rendered grows with what is asked for", () => {
  const least = [
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "Deployment",
    "InferencePool",
    "Role",
    "RoleBinding",
  ];
  assert.deepEqual(kindsOf("gateway"), [...least, "Service", "ServiceAccount"]);
  assert.deepEqual(kindsOf("standalone"), kindsOf("gateway"));
  const more = (name: string): readonly string[] => kindsOf(name).filter((kind) => !kindsOf("gateway").includes(kind));
  assert.deepEqual(more("high-availability"), ["InferenceObjective", "PodDisruptionBudget"]);
  assert.deepEqual(more("monitoring"), ["DestinationRule", "HTTPRoute", "NetworkPolicy", "Secret", "ServiceMonitor"]);
  assert.deepEqual(more("former-names"), [
    "GCPBackendPolicy",
    "HTTPRoute",
    "HealthCheckPolicy",
    "InferenceObjective",
    "PodDisruptionBudget",
    "ServiceMonitor",
  ]);
});

test("an election has a strategy and a budget under which its only ready pod can go", () => {
  const objects = goldenObjects("high-availability");
  const { strategy, template } = theObject(objects, "Deployment").spec;
  assert.deepEqual(strategy.rollingUpdate, { maxUnavailable: "100%", maxSurge: "100%" });
  assert.equal(template.spec.topologySpreadConstraints.length, 2);
  assert.equal(theObject(objects, "PodDisruptionBudget").spec.maxUnavailable, "100%");
});

test("pickers that all serve are replaced and evicted one by one", () => {
  const objects = goldenObjects("standalone-service");
  const { strategy } = theObject(objects, "Deployment", "llm-epp").spec;
  assert.deepEqual(strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
  assert.equal(theObject(objects, "PodDisruptionBudget", "llm-epp").spec.maxUnavailable, 1);
});

test("T40 the network policy lets gateways to ext_proc and Prometheus to the metrics, and the picker to pods, DNS and API", () => {
  const { ingress, egress } = theObject(goldenObjects("monitoring"), "NetworkPolicy").spec;
  const namespace = (name: string): unknown => ({
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
  });
  const tcp = (port: number): unknown => ({ port, protocol: "TCP" });
  assert.deepEqual(ingress, [
    { from: [namespace("gateways")], ports: [tcp(9002)] },
    { ports: [tcp(9003)] },
    { from: [namespace("monitoring")], ports: [tcp(9090)] },
  ]);
  assert.deepEqual(egress, [
    { to: [{ namespaceSelector: {} }], ports: [{ port: 53, protocol: "UDP" }, tcp(53)] },
    { ports: [tcp(443), tcp(6443)] },
    { to: [{ podSelector: { matchLabels: { app: "sglang" } } }], ports: [tcp(30000)] },
    { to: [{ ipBlock: { cidr: "10.1.2.3/32" } }], ports: [tcp(4317)] },
  ]);
});

test("the sidecar starts before the picker and ends after it", () => {
  const [envoy] = theDeployment(goldenObjects("standalone")).spec.template.spec.initContainers ?? [];
  assert.equal(envoy?.name, "envoy");
  assert.equal(envoy?.restartPolicy, "Always");
});

test("values under former names are rendered as those under the new ones", () => {
  const objects = goldenObjects("former-names");
  const deployment = theObject(objects, "Deployment");
  const container = pickerContainer(deployment);
  assert.equal(deployment.spec.replicas, 2);
  assert.equal(container.image, "registry.example/inference-endpoint-picker:0.1.0");
  assert.equal(argument(container.args, "--config-file"), "/config/custom-plugins.yaml");
  for (const flag of ["--v=1", "--ha-enable-leader-election=true", "--metrics-endpoint-auth=false"]) {
    assert.ok(container.args.includes(flag), flag);
  }
  assert.deepEqual(theObject(objects, "InferencePool").spec.targetPorts, [{ number: 9000 }]);
  assert.equal(theObject(objects, "ServiceMonitor").spec.endpoints[0]?.interval, "20s");
  assert.equal(theObject(objects, "InferenceObjective").spec.priority, -1);
  assert.equal(theObject(objects, "HTTPRoute").spec.parentRefs[0]?.name, "public");
});

function theDeployment(objects: readonly ClusterObject[]): ClusterObject {
  return theObject(objects, "Deployment", "llm-epp");
}

/** The value behind a flag, as two arguments. */
function argument(args: readonly string[], flag: string): string | undefined {
  return args[args.indexOf(flag) + 1];
}
