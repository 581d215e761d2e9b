import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readSweep } from "../../simulator/experiment/sweep-file.ts";
import { findPolicy } from "../../simulator/policies/registry.ts";
import { createProgram } from "../../src/cli/epp.ts";
import { readDocuments } from "../../src/lib/document.ts";

const file = "manifests/simulator/sweep-job.yaml";
const documents = readDocuments(readFileSync(file, "utf8"), file);

interface Job {
  readonly kind: string;
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly completionMode: string;
    readonly completions: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] } };
  };
}

const ofKind = (kind: string): Job => {
  const found = documents.map(({ raw }) => raw as Job).find((one) => one.kind === kind);
  assert.ok(found, kind);
  return found;
};

test("the sweep's Job is Indexed, and has as many completions as there are parts", () => {
  assert.deepEqual(
    documents.flatMap(({ problems }) => problems),
    [],
  );
  const { spec } = ofKind("Job");
  assert.equal(spec.completionMode, "Indexed");
  assert.ok(spec.template.spec.containers[0]?.args.includes(`--shard=auto/${spec.completions}`));
});

test("the sweep's Job uses flags that epp simulate has", async () => {
  const [command, ...flags] = ofKind("Job").spec.template.spec.containers[0]?.args ?? [];
  assert.equal(command, "simulate");
  const simulate = (await createProgram("simulate")).commands.find((one) => one.name() === "simulate");
  const known = new Set(simulate?.options.map(({ long }) => long));
  for (const flag of flags) assert.ok(known.has(flag.split("=")[0]), flag);
});

test("the sweep of the Job can be read, with policies that there are", () => {
  const sweep = readSweep(ofKind("ConfigMap").data["sweep.yaml"] ?? "", "sweep.yaml", () => assert.fail("no file"));
  assert.equal(sweep.weighted.length, 9);
  for (const policy of sweep.policies ?? []) assert.ok(findPolicy(policy), policy);
});
