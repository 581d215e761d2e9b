import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { runEpp } from "../support/run-epp.ts";

const manifests = fileURLToPath(new URL("../../manifests/envoy/", import.meta.url));
const endpoints = join(manifests, "endpoints.yaml");

for (const host of ["original-dst", "override-host"]) {
  test(`epp envoy prints manifests/envoy/${host}.yaml for the endpoints beside it`, async (t) => {
    const { code, stdout } = await runEpp(t, ["envoy", "--endpoints", endpoints, "--host", host]);
    assert.equal(code, 0);
    assert.equal(stdout, readFileSync(join(manifests, `${host}.yaml`), "utf8"));
  });
}

test("epp envoy puts its flags into the bootstrap", async (t) => {
  const flags = ["--fail-open", "--listen-host", "::", "--listen-port", "80", "--admin-port", "1", "--insecure-epp"];
  const picker = ["--epp", "[2001:db8::1]:9", "--epp-health-port", "10"];
  const { stdout } = await runEpp(t, ["envoy", "--endpoints", endpoints, ...flags, ...picker]);
  const text = JSON.stringify(parse(stdout));
  assert.match(text, /"failure_mode_allow":true/);
  assert.match(text, /"address":"::","port_value":80/);
  assert.match(text, /"address":"127.0.0.1","port_value":1}/);
  assert.match(text, /"address":"2001:db8::1","port_value":9}.*"health_check_config":\{"port_value":10}/);
  assert.doesNotMatch(text, /UpstreamTlsContext/);
});

test("epp envoy puts several pickers behind one cluster", async (t) => {
  const pickers = ["--epp", "10.0.0.1:9002", "--epp", "10.0.0.2:9002"];
  const { stdout } = await runEpp(t, ["envoy", "--endpoints", endpoints, ...pickers]);
  const text = JSON.stringify(parse(stdout));
  assert.match(text, /"address":"10\.0\.0\.1","port_value":9002.*"address":"10\.0\.0\.2","port_value":9002/);
});

test("epp envoy names what is wrong", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "epp-envoy-cli-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const bad = join(folder, "bad.yaml");
  writeFileSync(bad, "endpoints: [{ name: a, address: 127.0.0.1, port: 0 }]\n");
  const cases = [
    { args: ["--endpoints", bad], code: 1, want: /expected a port from 1 to 65535, got 0/ },
    { args: ["--endpoints", join(folder, "absent")], code: 1, want: /Cannot read endpoints/ },
    { args: ["--endpoints", endpoints, "--epp", "9002"], code: 2, want: /cannot use --epp "9002": expected HOST:PORT/ },
    { args: ["--endpoints", endpoints, "--host", "other"], code: 2, want: /original-dst, override-host/ },
    { args: [], code: 2, want: /required option '--endpoints <file>' not specified/ },
  ];
  for (const { args, code, want } of cases) {
    const run = await runEpp(t, ["envoy", ...args]);
    assert.equal(run.code, code, run.stderr);
    assert.match(run.stderr, want);
    assert.equal(run.stdout, "");
  }
});
