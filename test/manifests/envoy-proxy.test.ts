import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { Json } from "../../src/envoy/clusters.ts";
import { buildBootstrap } from "../../src/envoy/bootstrap.ts";
import { envoyPath, skipWithoutEnvoy } from "../support/envoy.ts";
import { startTestPicker } from "../support/a-picker.ts";
import { anEnvoy } from "../support/an-envoy.ts";
import { closedPort, startFakeModelServer } from "../support/fake-model-server.ts";
import { goldenObjects, theObject } from "../support/manifests.ts";

interface Named {
  readonly name: string;
}
interface Bootstrap {
  readonly static_resources: { readonly listeners: readonly Named[]; readonly clusters: readonly Named[] };
}

const headless = "llm-epp-headless.serving.svc.cluster.local";
const proxies = [
  { name: "standalone", picker: aPicker("127.0.0.1", true), failOpen: false },
  { name: "reference", picker: { ...aPicker("127.0.0.1", true), port: 9102, healthPort: 9103 }, failOpen: true },
  { name: "standalone-service", picker: aPicker(headless, false), failOpen: true },
];

function aPicker(
  host: string,
  isSecure: boolean,
): { host: string; port: number; healthPort: number; isSecure: boolean } {
  return { host, port: 9002, healthPort: 9003, isSecure };
}

function bootstrapText(name: string): string {
  return theObject(goldenObjects(name), "ConfigMap", "llm-epp-envoy").data["envoy.yaml"] ?? "";
}

for (const { name, picker, failOpen } of proxies) {
  test(`${name}: Envoy's bootstrap is what epp envoy prints, with a listener for readiness`, () => {
    const { static_resources: own, ...rest } = parse(bootstrapText(name)) as Bootstrap;
    const { static_resources: printed, ...printedRest } = buildBootstrap({
      listen: { host: "0.0.0.0", port: 8081 },
      admin: { host: "127.0.0.1", port: 19000 },
      routing: { kind: "picker", host: "original-dst", pickers: [picker], failOpen },
      endpoints: [],
    }) as unknown as Bootstrap;
    assert.deepEqual(rest, printedRest);
    const [inference, ready, ...others] = own.listeners;
    assert.deepEqual([inference], printed.listeners);
    assert.deepEqual([ready?.name, others], ["ready", []]);
    const [modelServers, endpointPicker, admin, ...more] = own.clusters;
    const { typed_extension_protocol_options: http2, ...plain } = modelServers as Named & Record<string, unknown>;
    assert.deepEqual([plain, endpointPicker], printed.clusters);
    assert.equal(http2 !== undefined, name === "standalone-service", "HTTP/2 where model servers speak gRPC");
    assert.deepEqual([admin?.name, more], ["admin", []]);
  });

  test(`${name}: the bootstrap passes envoy --mode validate`, { skip: skipWithoutEnvoy }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "manifests-"));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, "envoy.yaml");
    await writeFile(file, bootstrapText(name));
    await promisify(execFile)(envoyPath, [
      "--mode",
      "validate",
      "--log-level",
      "error",
      "--disable-hot-restart",
      "-c",
      file,
    ]);
  });
}

test("T01 standalone: Envoy with the rendered bootstrap asks the picker, drops the client's destination, says that it is ready", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const [server, stranger] = [await startFakeModelServer(t), await startFakeModelServer(t)];
  const picker = await startTestPicker(t, [server], { secureServing: true });
  const { grpcPort, grpcHealthPort: healthPort } = picker.picker;
  const routing = {
    kind: "picker",
    host: "original-dst",
    pickers: [{ host: "127.0.0.1", port: grpcPort, healthPort, isSecure: true }],
    failOpen: false,
  } as const;
  const ports = new Map([
    [8081, await closedPort()],
    [19001, await closedPort()],
    [19000, await closedPort()],
    [9002, grpcPort],
    [9003, healthPort],
  ]);
  await anEnvoy(t, routing, [], () => withPorts(parse(bootstrapText("standalone")) as Json, ports));
  const ready = `http://127.0.0.1:${ports.get(19001)}`;
  await until200(`${ready}/ready`);
  const url = `http://127.0.0.1:${ports.get(8081)}/metrics`;
  await until200(url);
  const headers = { "x-gateway-destination-endpoint": `127.0.0.1:${stranger.port}` };
  assert.equal((await fetch(url, { headers })).status, 200);
  assert.equal(stranger.requests(), 0, "the client chose");
  assert.match(await (await fetch(`${ready}/stats/prometheus`)).text(), /envoy_http_inference_ext_proc|envoy_cluster/);
  assert.equal((await fetch(`${ready}/config_dump`)).status, 404, "nothing else of the admin interface");
});

/** The bootstrap on loopback, each port as the map says. */
function withPorts(value: Json, ports: ReadonlyMap<number, number>): Json {
  const text = JSON.stringify(value).replace(
    /"port_value":(\d+)/g,
    (_, port: string) => `"port_value":${ports.get(Number(port)) ?? port}`,
  );
  return JSON.parse(text.replaceAll("0.0.0.0", "127.0.0.1")) as Json;
}

/** Asks until the answer is 200: Envoy waits for the first health check of the picker. */
async function until200(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const response = await fetch(url).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${url} does not answer 200`);
}
