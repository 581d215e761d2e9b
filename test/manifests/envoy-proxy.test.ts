import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";
import { buildBootstrap } from "../../src/envoy/bootstrap.ts";
import { envoyPath, skipWithoutEnvoy } from "../support/envoy.ts";
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
