import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readCoefficients } from "../../simulator/experiment/fitted-replica.ts";
import { mergeParts, parsePart } from "../../simulator/experiment/partial-result.ts";
import { planJobs } from "../../simulator/experiment/plan.ts";
import { assembleResult } from "../../simulator/experiment/result.ts";
import { readSweep } from "../../simulator/experiment/sweep-file.ts";
import { policyNames } from "../../simulator/policies/registry.ts";
import { createProgram } from "../../src/cli/epp.ts";
import { formatSimulation } from "../../src/cli/simulate-view.ts";

const page = readFileSync("docs/simulator.md", "utf8");
const readme = readFileSync("README.md", "utf8");

test("README.md shows a simulation as it is printed", () => {
  // What the command shown there wrote with `--shard 0/1 --out FILE`, run in the folder of the trace.
  const file = "test/fixtures/simulation/mooncake-part.json";
  const part = parsePart(readFileSync(file, "utf8"), file);
  const jobs = planJobs(part.plan, part.variations);
  const printed = formatSimulation(assembleResult(part.plan, jobs, mergeParts([{ file, part }], jobs.length)));
  const shown = /<!-- simulate -->\n```\n([^]*?)\n```/.exec(readme)?.[1];
  assert.equal(shown, printed.split("\n\n- ")[0]);
});

test("docs/simulator.md names every built-in policy", () => {
  const section = /## Policies\n([^]*?)\n## /.exec(page)?.[1] ?? "";
  const named = [...section.matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map(([, name]) => name ?? "");
  assert.deepEqual([...new Set(named)].toSorted(), policyNames.toSorted());
});

test("docs/simulator.md speaks of flags that epp simulate has", async () => {
  const simulate = (await createProgram("simulate")).commands.find((one) => one.name() === "simulate");
  const known = new Set(simulate?.options.map(({ long }) => long));
  const named = [...page.matchAll(/--[a-z][a-z-]+/g)].map(([flag]) => flag).filter((flag) => flag !== "--no-install");
  assert.ok(named.length > 20);
  assert.deepEqual(
    named.filter((flag) => !known.has(flag)),
    [],
  );
});

test("docs/simulator-inputs.md shows a file of coefficients that can be used", () => {
  const text = /```yaml\n(kind: epp-coefficients[^]*?)```/.exec(readFileSync("docs/simulator-inputs.md", "utf8"))?.[1];
  assert.equal(readCoefficients(text ?? "", "coefficients.yaml").kvTokens, 452_000);
});

test("docs/simulator.md shows a sweep that can be read", () => {
  const text = /## Sweeps\n\n```yaml\n([^]*?)```/.exec(page)?.[1] ?? "";
  const config = "schedulingProfiles: [{ plugins: [{ pluginRef: queue-scorer }, { pluginRef: prefix-cache-scorer }] }]";
  assert.equal(readSweep(text, "sweep.yaml", () => config).weighted.length, 6);
});
