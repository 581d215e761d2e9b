/**
 * `npm run validate`: runs every anchor and prints the figures beside the published ones. `--seeds N` (default 10), `--only ID`;
 * `--write` puts the figures of all anchors into docs/simulator-validation.md; `--real` compares emulated servers in real time with simulated ones
 * instead (`--seconds N`, default 60).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { formatAnchor, formatOverview } from "./anchor-table.ts";
import { anchors } from "./anchors.ts";
import { replaceSection } from "./page.ts";
import { type AnchorResult, runAnchor } from "./run-anchor.ts";

const options = {
  seeds: { type: "string", default: "10" },
  only: { type: "string" },
  write: { type: "boolean", default: false },
  real: { type: "boolean", default: false },
  seconds: { type: "string", default: "60" },
} as const;
type Flags = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

const page = new URL("../../docs/simulator-validation.md", import.meta.url);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`Cannot validate with "--${flag}": ${text}, expected a whole number from 1`);
}

function validate(flags: Flags): void {
  const seeds = wholeNumber("seeds", flags.seeds);
  const { only } = flags;
  if (only !== undefined && flags.write) {
    throw new RangeError("Cannot write the page with --only: found one anchor, expected all");
  }
  const chosen = only === undefined ? anchors : anchors.filter(({ ids }) => ids.includes(only));
  if (chosen.length === 0) {
    const known = anchors.flatMap(({ ids }) => ids).join(", ");
    throw new RangeError(`Cannot validate anchor "${only}": unknown, expected one of ${known}`);
  }
  const results: AnchorResult[] = [];
  for (const anchor of chosen) {
    const startMs = systemClock.nowMs();
    const result = runAnchor(anchor, { seeds });
    results.push(result);
    print(`${formatAnchor(result)}\n\n(${((systemClock.nowMs() - startMs) / 1000).toFixed(1)} s)\n`);
  }
  print(formatOverview(results));
  if (!flags.write) return;
  write("overview", formatOverview(results));
  write("anchors", results.map(formatAnchor).join("\n\n"));
}

function write(section: string, text: string): void {
  writeFileSync(page, replaceSection(readFileSync(page, "utf8"), section, text));
}

async function validateReal(flags: Flags): Promise<void> {
  const { compareWithReal, formatReal } = await import("./real.ts");
  const result = await compareWithReal({ seconds: wholeNumber("seconds", flags.seconds), seed: 1 });
  print(formatReal(result));
  if (flags.write) write("real", formatReal(result));
  if (!result.isWithin) process.exitCode = 1;
}

try {
  const { values } = parseArgs({ options });
  if (values.real) await validateReal(values);
  else validate(values);
} catch (error) {
  const isUnknownFlag = error instanceof TypeError && "code" in error;
  if (!(error instanceof RangeError || isUnknownFlag)) throw error;
  process.stderr.write(`validate: ${error.message}\n`);
  process.exitCode = 2;
}
