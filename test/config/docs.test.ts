import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { defaultConfigText } from "../../src/config/default-config.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { z } from "../../src/lib/schema.ts";

const page = readFileSync("docs/plugins.md", "utf8");
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => [/^`(.+)`/.exec(section)?.[1] ?? section.slice(0, 30), section]),
);

/** How the page writes the default of a parameter. */
function defaultOf(parameter: z.ZodType): string {
  const absent = parameter.safeParse(undefined);
  return absent.success ? (JSON.stringify(absent.data) ?? "-") : "required";
}

test("docs/plugins.md has one section for each plugin type", () => {
  assert.deepEqual([...sections.keys()].toSorted(), builtInRegistry.types);
});

for (const type of builtInRegistry.types) {
  const definition = builtInRegistry.find(type);
  assert.ok(definition);

  test(`docs/plugins.md says what ${type} is for and which parameters it has`, () => {
    const section = sections.get(type) ?? "";
    assert.equal(section.split("\n")[2], definition.summary);
    assert.ok(definition.parameters instanceof z.ZodObject);
    const shape: Readonly<Record<string, z.ZodType>> = definition.parameters.shape;
    const parameters = Object.entries(shape).map(([name, parameter]) => [name, defaultOf(parameter)]);
    const rows = [...section.matchAll(/^\| `(\w+)` \| (\S+) \| .+ \|$/gm)].map(([, name, value]) => [name, value]);
    assert.deepEqual(rows, parameters);
    assert.equal(section.includes("No parameters."), parameters.length === 0);
  });
}

test("docs/configuration.md and manifests/config/default.yaml show the default config", () => {
  assert.ok(readFileSync("docs/configuration.md", "utf8").includes(`\`\`\`yaml\n${defaultConfigText}\`\`\``));
  assert.ok(readFileSync("manifests/config/default.yaml", "utf8").endsWith(defaultConfigText));
});
