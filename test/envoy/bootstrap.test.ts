import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";
import { buildBootstrap, formatBootstrap } from "../../src/envoy/bootstrap.ts";
import type { BootstrapOptions } from "../../src/envoy/options.ts";
import { envoyPath, skipWithoutEnvoy } from "../support/envoy.ts";
import { exampleOptions, pickerRouting } from "./examples.ts";

const endpoints = [
  { host: "127.0.0.1", port: 8000 },
  { host: "::1", port: 8001 },
];
const named = [{ host: "localhost", port: 8000 }];

const variants: readonly { name: string; options: BootstrapOptions }[] = [
  { name: "original-dst", options: exampleOptions(pickerRouting("original-dst"), endpoints) },
  { name: "original-dst, fail-open", options: exampleOptions(pickerRouting("original-dst", { failOpen: true }), []) },
  {
    name: "original-dst, plain ext_proc",
    options: exampleOptions(pickerRouting("original-dst", { isSecure: false }), []),
  },
  { name: "override-host", options: exampleOptions(pickerRouting("override-host"), endpoints) },
  {
    name: "override-host, fail-open",
    options: exampleOptions(pickerRouting("override-host", { failOpen: true }), endpoints),
  },
  { name: "override-host, host names", options: exampleOptions(pickerRouting("override-host"), named) },
  { name: "round robin", options: exampleOptions({ kind: "balancer", policy: "round-robin" }, endpoints) },
  { name: "least request", options: exampleOptions({ kind: "balancer", policy: "least-request" }, endpoints) },
];

for (const { name, options } of variants) {
  test(`formatBootstrap passes envoy --mode validate: ${name}`, { skip: skipWithoutEnvoy }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "bootstrap-"));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, "envoy.yaml");
    await writeFile(file, formatBootstrap(options));
    await promisify(execFile)(envoyPath, ["--mode", "validate", "--log-level", "error", "-c", file]);
  });
}

test("formatBootstrap gives YAML of what buildBootstrap builds", () => {
  for (const { options } of variants) assert.deepEqual(parse(formatBootstrap(options)), buildBootstrap(options));
});

test("buildBootstrap strips the client's destination before it asks the picker", () => {
  const bootstrap = formatBootstrap(exampleOptions(pickerRouting("original-dst"), []));
  const order = [
    "remove: x-gateway-destination-endpoint",
    "name: envoy.filters.http.ext_proc",
    "name: envoy.filters.http.router",
  ];
  const places = order.map((text) => bootstrap.indexOf(text));
  assert.ok(places.every((place) => place > 0));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test("buildBootstrap names no picker when Envoy balances by itself", () => {
  const bootstrap = formatBootstrap(exampleOptions({ kind: "balancer", policy: "round-robin" }, endpoints));
  assert.doesNotMatch(bootstrap, /ext_proc|endpoint-picker|header_mutation/);
});

for (const host of ["original-dst", "override-host"] as const) {
  test(`manifests/envoy/${host}.yaml is what the generator prints`, async () => {
    const file = new URL(`../../manifests/envoy/${host}.yaml`, import.meta.url);
    const committed = await readFile(file, "utf8");
    const examples = [8000, 8001].map((port) => ({ host: "127.0.0.1", port }));
    assert.equal(committed, formatBootstrap(exampleOptions(pickerRouting(host), examples)));
  });
}
