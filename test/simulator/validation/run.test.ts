import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const refused: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [["--only", "A6", "--write"], /^validate: Cannot write the page with --only: found one anchor, expected all\n$/],
  [["--only", "A7"], /^validate: Cannot validate anchor "A7": unknown, expected one of A1, A3, A2, [A0-9, ]+\n$/],
  [["--seeds", "0"], /^validate: Cannot validate with "--seeds": 0, expected a whole number from 1\n$/],
  [["--sedes", "2"], /^validate: Unknown option '--sedes'/],
];

for (const [args, message] of refused) {
  test(`npm run validate -- ${args.join(" ")} is refused in a line, and leaves the page as it is`, () => {
    const page = readFileSync("docs/simulator-validation.md", "utf8");
    const script = ["--import", "tsx", "simulator/validation/run.ts", ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, script, { encoding: "utf8", timeout: 60_000 });
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, message);
    assert.equal(readFileSync("docs/simulator-validation.md", "utf8"), page);
  });
}
