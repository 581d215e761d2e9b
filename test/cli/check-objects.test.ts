import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runEpp, startEpp } from "../support/run-epp.ts";

const good = `apiVersion: llm-d.ai/v1alpha2
kind: InferenceObjective
metadata: { name: gold }
spec: { priority: 1, poolRef: { name: chat } }
---
apiVersion: llm-d.ai/v1alpha2
kind: InferenceModelRewrite
metadata: { name: canary }
spec: { poolRef: { name: other }, rules: [{ targets: [{ modelRewrite: a, weight: 1 }, { modelRewrite: b }] }] }
`;
const bad = good.replace("priority: 1", "priority: 2147483648").replace("rules:", "rule:");
const config = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{ type: queue-scorer }]\n";

/** Writes files into a folder that goes with the test, and returns their paths in order. */
function files(t: TestContext, contents: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), "epp-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return Object.entries(contents).map(([name, content]) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  });
}

test("check tells objects files from configs by their kind", async (t) => {
  const { code, stdout, stderr } = await runEpp(t, ["check", ...files(t, { "o.yaml": good, "c.yaml": config })]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /o\.yaml: ok, 1 objectives, 1 rewrites\n.*c\.yaml: ok, revision/);
  assert.match(stderr, /^warning: .*o\.yaml:9:\d+ spec\.rules\[0\]\.targets\[1\]: "b" is never chosen/);
});

test("check names every problem of an objects file with its place and exits 1", async (t) => {
  const { code, stdout, stderr } = await runEpp(t, ["check", ...files(t, { "o.yaml": bad })]);
  assert.equal(code, 1);
  assert.match(stdout, /o\.yaml: 3 problems/);
  assert.match(stderr, /o\.yaml:4:19 spec\.priority: expected a whole number from -2147483648 to 2147483647/);
  assert.match(stderr, /o\.yaml:9:35 spec\.rule: unknown field, did you mean "rules"\?/);
});

const free = ["--host", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"];
const endpointsText = "endpoints: [{ name: a, address: 127.0.0.1, port: '1' }]\n";

test("serve takes the objects of the pool that --pool-name names, and says in one line what it left out", async (t) => {
  const [endpoints = "", objects = ""] = files(t, { "e.yaml": endpointsText, "o.yaml": good });
  const pool = ["--pool-name", "chat", "--objects", objects];
  const epp = startEpp(t, ["serve", "--endpoints", endpoints, ...free, ...pool, "--drain-timeout", "0"]);
  await epp.says(/Picker is serving/);
  const line = epp
    .stderr()
    .split("\n")
    .find((text) => text.includes("Objects file loaded"));
  const { objectives, rewrites, ofOtherPools } = JSON.parse(line ?? "") as Record<string, number>;
  assert.deepEqual({ objectives, rewrites, ofOtherPools }, { objectives: 1, rewrites: 0, ofOtherPools: 1 });
  assert.match(epp.stderr(), /"line":9,.*never chosen/);
  epp.kill("SIGTERM");
  assert.equal((await epp.ended).code, 0);
});

test("serve with an objects file that cannot be used says so and exits 1", async (t) => {
  const [endpoints = "", objects = ""] = files(t, { "e.yaml": endpointsText, "o.yaml": bad });
  const { code, stderr } = await runEpp(t, ["serve", "--endpoints", endpoints, ...free, "--objects", objects]);
  assert.equal(code, 1);
  assert.match(stderr, /^epp: Cannot use objects file ".*o\.yaml": 3 problems\n/m);
});
