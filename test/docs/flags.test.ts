import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Option } from "commander";
import { createProgram } from "../../src/cli/epp.ts";
import { acceptedFlags, unavailableFlags } from "../../src/cli/serve-flags.ts";

const page = readFileSync("docs/flags.md", "utf8");
const program = await createProgram("serve");
const options = program.commands.find((command) => command.name() === "serve")?.options ?? [];

/** A default as one writes it on the command line. */
function defaultOf({ flags, defaultValue }: Option): string {
  if (defaultValue === undefined) return "-";
  const isDuration = flags.includes("<duration>");
  if (isDuration) return defaultValue % 1000 === 0 ? `${defaultValue / 1000}s` : `${defaultValue}ms`;
  return String(defaultValue);
}

test("docs/flags.md lists every flag of epp serve with its default, as the code declares it", () => {
  const shown = options.filter(({ hidden }) => !hidden);
  assert.ok(shown.length > 40);
  const want = shown.map((option) => `| \`${option.flags}\` | ${defaultOf(option)} | ${option.description} |`);
  assert.deepEqual(
    page.split("\n").filter((line) => /^\| `-.* \| .* \| /.test(line)),
    want,
  );
});

test("docs/flags.md lists the flags without an effect, and those that are refused with what to do instead", () => {
  const lines = page.slice(page.indexOf("## Accepted")).split("\n");
  for (const flag of acceptedFlags) assert.ok(lines.includes(`- \`${flag}\``), flag);
  for (const [flag, hint] of Object.entries(unavailableFlags))
    assert.ok(lines.includes(`- \`${flag}\`: ${hint}`), flag);
  const named = lines.filter((line) => line.startsWith("- `--")).length;
  assert.equal(named, acceptedFlags.length + Object.keys(unavailableFlags).length);
});

test("every hidden flag is one without an effect, refused, or for tests", () => {
  const known = [...acceptedFlags, ...Object.keys(unavailableFlags), "--allow-loopback"];
  assert.deepEqual(
    options.filter(({ hidden }) => hidden).map(({ long }) => long),
    known.toSorted((a, b) => {
      const at = (flag: string): number => options.findIndex(({ long }) => long === flag);
      return at(a) - at(b);
    }),
  );
});
