import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { goldenObjects, helmScript, pickerContainer, theObject } from "../support/manifests.ts";

for (const name of helmScript.renderedCases) {
  const configMap = theObject(goldenObjects(name), "ConfigMap", "llm-epp");
  const { args } = pickerContainer(theObject(goldenObjects(name), "Deployment", "llm-epp"));
  const used = args[args.indexOf("--config-file") + 1]?.replace("/config/", "") ?? "";

  test(`${name}: the config that the picker is started with is in the ConfigMap`, () => {
    assert.ok(Object.hasOwn(configMap.data, used), used);
  });

  for (const [file, text] of Object.entries(configMap.data)) {
    test(`${name}: the picker takes ${file}`, () => {
      const options = { file, registry: builtInRegistry, allowExperimentalPlugins: false, hashKey: 1n };
      const loaded = loadConfig(text, options);
      assert.equal(loaded.kind, "ok", loaded.kind === "ok" ? "" : formatProblems(loaded.problems));
    });
  }
}
