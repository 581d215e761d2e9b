import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { anchors } from "../../simulator/validation/anchors.ts";

const page = readFileSync(new URL("../../docs/simulator-validation.md", import.meta.url), "utf8");

for (const { ids, title, arms, figures, claims } of anchors) {
  test(`docs/simulator-validation.md has ${ids.join(", ")}: arms, figures with published values, claims`, () => {
    const id = ids.join(", ");
    assert.match(page, new RegExp(`^\\| ${id} \\| ${title} \\| \\d of ${claims.length} \\|`, "m"));
    const section = page.split(/^### /m).find((text) => text.startsWith(`${id}: ${title}\n`)) ?? "";
    for (const { label, published } of figures) {
      for (const { name } of arms) {
        assert.ok(section.includes(`| ${label} | ${name} | ${published[name] ?? "-"} | `), `${label} of ${name}`);
      }
    }
    for (const { text } of claims)
      assert.ok(section.includes(`met: ${text}\n`) || section.includes(`missed: ${text}\n`), text);
  });
}

test("docs/simulator-validation.md has A1, A2, A3, A6, A11 and A22", () => {
  assert.deepEqual(
    anchors.flatMap(({ ids }) => ids),
    ["A1", "A3", "A2", "A6", "A11", "A22"],
  );
});
