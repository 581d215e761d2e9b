import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { aConfig } from "../support/a-plan.ts";
import { runEpp } from "../support/run-epp.ts";

function inFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "epp-check-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "file.yaml"), text);
  return join(folder, "file.yaml");
}

const config = aConfig(
  "plugins: [{type: queue-scorer, name: a}, {type: queue-scorer, name: b}, {type: lora-affinity-scorer}]\n",
);
const endpoint = (name: string, engine: string): string =>
  `  - { name: ${name}, address: ${name}.example, port: 8000, labels: { llm-d.ai/engine-type: ${engine} } }\n`;

test("epp check warns of what cannot change a pick, each with its place, and exits 0", async (t) => {
  const file = inFile(t, config);
  const { code, stdout, stderr } = await runEpp(t, ["check", file]);
  assert.equal(code, 0);
  assert.match(stdout, /: ok, revision /);
  assert.equal(
    stderr,
    `warning: ${file}:3:42 plugins[1]: "b" always scores what "a" does: weights 1 and 1 are one weight of 2\n`,
  );
});

test("epp check holds a config against the endpoints that are given with it", async (t) => {
  const [file, one] = [inFile(t, config), inFile(t, `endpoints:\n${endpoint("x", "sglang")}`)];
  const alone = await runEpp(t, ["check", file, "--endpoints", one]);
  assert.equal(alone.code, 0);
  assert.deepEqual(alone.stderr.match(/"lora-affinity-scorer" tells no endpoints apart|the pool has one endpoint/g), [
    "the pool has one endpoint",
    '"lora-affinity-scorer" tells no endpoints apart',
  ]);
  const more = await runEpp(t, ["check", file, "--endpoints", one, inFile(t, `endpoints:\n${endpoint("y", "vllm")}`)]);
  assert.doesNotMatch(more.stderr, /tells no endpoints apart|the pool has one endpoint/);
  const broken = await runEpp(t, ["check", file, "--endpoints", inFile(t, "endpoints: 1\n")]);
  assert.equal(broken.code, 1);
  assert.doesNotMatch(broken.stderr, /the pool has/);
});
