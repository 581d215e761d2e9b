/**
 * `npm run validate`: runs every anchor and prints the figures beside the published ones. `--seeds N` (default 10), `--only ID`;
 * `--write` puts the figures into docs/simulator-validation.md; `--real` compares emulated servers in real time with simulated ones
 * instead (`--seconds N`, default 60).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { formatAnchor, formatOverview } from "./anchor-table.ts";
import { anchors } from "./anchors.ts";
import { replaceSection } from "./page.ts";
import { type AnchorResult, runAnchor } from "./run-anchor.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    only: { type: "string" },
    write: { type: "boolean", default: false },
    real: { type: "boolean", default: false },
    seconds: { type: "string", default: "60" },
  },
});
const page = new URL("../../docs/simulator-validation.md", import.meta.url);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`Cannot validate with "--${flag}": ${text}, expected a whole number from 1`);
}

function validate(): void {
  const seeds = wholeNumber("seeds", values.seeds);
  const { only } = values;
  const chosen = only === undefined ? anchors : anchors.filter(({ ids }) => ids.includes(only));
  if (chosen.length === 0) throw new RangeError(`Cannot validate anchor "${only}": unknown`);
  const results: AnchorResult[] = [];
  for (const anchor of chosen) {
    const startMs = systemClock.nowMs();
    const result = runAnchor(anchor, { seeds });
    results.push(result);
    print(`${formatAnchor(result)}\n\n(${((systemClock.nowMs() - startMs) / 1000).toFixed(1)} s)\n`);
  }
  print(formatOverview(results));
  if (!values.write) return;
  write("overview", formatOverview(results));
  write("anchors", results.map(formatAnchor).join("\n\n"));
}

function write(section: string, text: string): void {
  writeFileSync(page, replaceSection(readFileSync(page, "utf8"), section, text));
}

if (values.real) {
  const { compareWithReal, formatReal } = await import("./real.ts");
  const result = await compareWithReal({ seconds: wholeNumber("seconds", values.seconds), seed: 1 });
  print(formatReal(result));
  if (values.write) write("real", formatReal(result));
  if (!result.isWithin) process.exitCode = 1;
} else validate();
