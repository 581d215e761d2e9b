import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { clusterObjects, helmScript, pickerContainer, theObject } from "../support/manifests.ts";

const script = new URL("../../scripts/kustomize-base.mjs", import.meta.url).href;
const { kustomizeBase } = (await import(script)) as { readonly kustomizeBase: (rendered: string) => string };

const skip = hasKubectl() ? false : "kubectl not found on PATH";

function hasKubectl(): boolean {
  try {
    execFileSync("kubectl", ["version", "--client"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function kustomize(folder: string): ReturnType<typeof clusterObjects> {
  return clusterObjects(execFileSync("kubectl", ["kustomize", folder], { encoding: "utf8" }));
}

test("the kustomize base is what the chart renders", () => {
  const golden = readFileSync(join(helmScript.goldenFolder, "gateway.yaml"), "utf8");
  assert.equal(readFileSync("manifests/kustomize/base/picker.yaml", "utf8"), kustomizeBase(golden));
});

test("the kustomize base names no namespace but default, and nothing of Helm's", () => {
  const text = readFileSync("manifests/kustomize/base/picker.yaml", "utf8");
  assert.doesNotMatch(text, /serving|Helm/);
});

test("kubectl kustomize takes the base", { skip }, () => {
  const kinds = kustomize("manifests/kustomize/base").map(({ kind }) => kind);
  assert.deepEqual(
    kinds.toSorted(),
    clusterObjects(readFileSync("manifests/kustomize/base/picker.yaml", "utf8"))
      .map(({ kind }) => kind)
      .toSorted(),
  );
});

test("the overlay moves everything into its namespace and its pool", { skip }, () => {
  const objects = kustomize("manifests/kustomize/overlays/example");
  const args = pickerContainer(theObject(objects, "Deployment")).args;
  assert.deepEqual(args.slice(0, 4), ["--pool-name", "qwen", "--pool-namespace", "$(NAMESPACE)"]);
  assert.ok(args.includes("--ha-enable-leader-election"));
  assert.equal(theObject(objects, "InferencePool").metadata.name, "qwen");
  const subjects = objects.flatMap(({ subjects: own = [] }) => own);
  assert.deepEqual(
    subjects.map(({ namespace }) => namespace),
    ["serving", "serving"],
  );
});
