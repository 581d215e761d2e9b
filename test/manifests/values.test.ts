import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { createProgram } from "../../src/cli/epp.ts";
import { acceptedFlags, unavailableFlags } from "../../src/cli/serve-flags.ts";
import { helmPath, helmScript, skipWithoutHelm } from "../support/manifests.ts";

const chartFile = (name: string): string => readFileSync(join(helmScript.chart, name), "utf8");
const refusedValues = parse(chartFile("files/refused-values.yaml")) as Readonly<Record<string, string>>;
const flags = parse(chartFile("files/flags.yaml")) as {
  readonly passed: readonly string[];
  readonly refused: Readonly<Record<string, string>>;
};
const schema = JSON.parse(chartFile("values.schema.json")) as Schema;

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
}

/** What Helm says when it does not render; undefined when it does. */
function refusal(...sets: readonly string[]): string | undefined {
  const labels = "router.modelServers.matchLabels.app=vllm";
  try {
    helmScript.renderChart(
      helmPath,
      [labels, ...sets].flatMap((set) => ["--set", set]),
    );
    return undefined;
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}

for (const [path, hint] of Object.entries(refusedValues)) {
  test(`the value ${path} is refused by its name, with what to do instead`, { skip: skipWithoutHelm }, () => {
    const said = refusal(`${path}=x`);
    assert.ok(said?.includes(`Cannot use value "${path}": ${hint}`), said);
    assert.equal(refusal(`${path}=false`), undefined);
  });
}

for (const [flag, hint] of Object.entries(flags.refused)) {
  test(`the flag ${flag} is refused by its name, with what to do instead`, { skip: skipWithoutHelm }, () => {
    const said = refusal(`router.epp.flags.${flag}=1`);
    assert.ok(said?.includes(`Cannot use value "router.epp.flags.${flag}": ${hint}`), said);
  });
}

const mistakes: readonly (readonly [set: string, said: RegExp])[] = [
  ["routre.epp.replicas=2", /additional properties 'routre' not allowed/],
  ["router.epp.replica=2", /at '\/router\/epp': additional properties 'replica' not allowed/],
  ["router.epp.image.name=x", /at '\/router\/epp\/image': additional properties 'name' not allowed/],
  ["inferenceExtension.replica=2", /at '\/inferenceExtension': additional properties 'replica' not allowed/],
  ["inferencePool.apiVersion=inference.networking.x-k8s.io/v1alpha2", /at '\/inferencePool\/apiVersion'/],
  ["router.epp.replicas=0", /at '\/router\/epp\/replicas': minimum: got 0, want 1/],
  ["router.epp.extProcPort=70000", /at '\/router\/epp\/extProcPort'/],
  ["router.inferencePool.failureMode=FailSoft", /at '\/router\/inferencePool\/failureMode'/],
  ["router.modelServers.type=llamacpp", /at '\/router\/modelServers\/type'/],
  ["provider.name=kgateway", /at '\/provider\/name'/],
  ["router.epp.flags.replicas=3", /"router.epp.flags.replicas": epp serve has no flag --replicas/],
  ["router.modelServers.targetPorts=null", /Cannot render without "router.modelServers.targetPorts"/],
  ["router.modelServers.matchLabels=null", /Cannot render without "router.modelServers.matchLabels"/],
  ["router.proxy.proxyType=agentgateway", /"router.proxy.proxyType": found agentgateway, expected envoy/],
  ["router.monitoring.provider.name=gmp", /"router.monitoring.provider.name": found gmp/],
  ["router.epp.pluginsConfigFile=mine.yaml", /"router.epp.pluginsConfigFile": found "mine.yaml"/],
  ["router.networkPolicy.enabled=true", /router.networkPolicy.gatewayNamespaces is empty/],
];

for (const [set, said] of mistakes) {
  test(`--set ${set} is refused by name`, { skip: skipWithoutHelm }, () => {
    assert.match(refusal(set) ?? "", said);
  });
}

test("nine ports, equal ports and port 0 are refused as in the CRD", { skip: skipWithoutHelm }, () => {
  const ports = (...numbers: readonly number[]): string =>
    numbers.map((number, at) => `router.modelServers.targetPorts[${at}].number=${number}`).join(",");
  assert.match(refusal(ports(1, 2, 3, 4, 5, 6, 7, 8, 9)) ?? "", /targetPorts': maxItems: got 9, want 8/);
  assert.match(refusal(ports(8000, 8000)) ?? "", /targetPorts': items at 0 and 1 are equal/);
  assert.match(refusal(ports(0)) ?? "", /targetPorts\/0\/number': minimum: got 0, want 1/);
  assert.equal(refusal(ports(1, 2, 3, 4, 5, 6, 7, 8)), undefined);
});

test("objectives and routes without an InferencePool are refused", { skip: skipWithoutHelm }, () => {
  const noPool = "router.inferencePool.create=false";
  assert.match(refusal(noPool, "router.inferenceObjectives[0].name=a") ?? "", /"router.inferenceObjectives"/);
  assert.match(refusal(noPool, "httpRoute.create=true") ?? "", /"httpRoute.create"/);
});

test("large whole numbers in flags are written without an exponent", { skip: skipWithoutHelm }, () => {
  const labels = ["--set", "router.modelServers.matchLabels.app=vllm"];
  const flag = ["--set", "router.epp.flags.grpc-max-recv-msg-size=104857600"];
  assert.match(helmScript.renderChart(helmPath, [...labels, ...flag]), /"--grpc-max-recv-msg-size=104857600"/);
});

test("every value that the schema leaves open is refused when it is set", () => {
  const free: string[] = [];
  const visit = (at: Schema, path: readonly string[]): void => {
    for (const [key, child] of Object.entries(at.properties ?? {})) {
      if (Object.keys(child).length === 0) free.push([...path, key].join("."));
      else visit(child, [...path, key]);
    }
  };
  visit(schema, []);
  assert.ok(free.length > 15);
  const isRefused = (path: string): boolean =>
    Object.keys(refusedValues).some((refused) => refused === path || refused.startsWith(`${path}.`));
  assert.deepEqual(
    free.filter((path) => !isRefused(path)),
    [],
  );
});

test("every object of the schema names its keys, so that no unknown key passes", () => {
  const open: string[] = [];
  const visit = (at: Schema, path: string): void => {
    if (at.properties === undefined) return;
    if (at.additionalProperties !== false) open.push(path);
    for (const [key, child] of Object.entries(at.properties)) visit(child, `${path}/${key}`);
  };
  visit(schema, "");
  assert.deepEqual(open, []);
});

test("values.yaml has every key of the schema that is not refused, and no other", () => {
  const values = parse(chartFile("values.yaml")) as Readonly<Record<string, unknown>>;
  const former = new Set(["inferenceExtension", "inferencePool", "experimentalHttpRoute", "global"]);
  const missing: string[] = [];
  const visit = (at: Schema, value: unknown, path: string): void => {
    for (const [key, child] of Object.entries(at.properties ?? {})) {
      const here = path === "" ? key : `${path}.${key}`;
      if (former.has(here) || Object.keys(child).length === 0) continue; // refused, or set by nobody
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) missing.push(here);
      else visit(child, (value as Record<string, unknown>)[key], here);
    }
  };
  visit(schema, values, "");
  // Of the reference: a fallback for GKE's health checks, and what its resources may hold.
  assert.deepEqual(missing, ["router.epp.resources.claims", "router.modelServers.targetPortNumber"]);
});

test("the chart knows every flag of epp serve: it passes it on or says why not", async () => {
  const serve = (await createProgram()).commands.find((command) => command.name() === "serve");
  const ofServe = (serve?.options ?? []).map(({ long }) => long?.slice(2) ?? "");
  assert.deepEqual([...flags.passed, ...Object.keys(flags.refused)].toSorted(), ofServe.toSorted());
  const accepted = acceptedFlags.map((flag) => flag.slice(2));
  assert.deepEqual(
    accepted.filter((flag) => !flags.passed.includes(flag)),
    [],
  );
  const unavailable = Object.keys(unavailableFlags).map((flag) => flag.slice(2));
  assert.deepEqual(
    unavailable.filter((flag) => flags.passed.includes(flag) && !flag.startsWith("ha-")),
    [],
  );
});
