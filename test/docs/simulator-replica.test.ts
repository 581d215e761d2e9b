import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { kvTokensThatFit } from "../../simulator/replica/hardware.ts";
import {
  presetBasis,
  presetConfig,
  presetFloors,
  presetHardware,
  presetNames,
} from "../../simulator/replica/presets.ts";

const page = readFileSync(new URL("../../docs/simulator-replica.md", import.meta.url), "utf8");

/** Two significant digits, three from 10 on. */
const short = (value: number): string => String(Number(value.toPrecision(value < 10 ? 2 : 3)));

const rows = presetNames.map((name) => {
  const { coefficients, kvTokens } = presetConfig(name);
  const floors = presetFloors(name);
  const { baseMs, perRequestUs, perContextTokenUs, perPrefillTokenUs, attentionNs } = coefficients;
  const cells = [
    `\`${name}\``,
    `${baseMs} (${short(floors.baseMs)})`,
    `${perRequestUs}`,
    `${perContextTokenUs} (${short(floors.perContextTokenUs)})`,
    `${perPrefillTokenUs} (${short(floors.perPrefillTokenUs)})`,
    `${attentionNs} (${short(floors.attentionNs)})`,
    `${kvTokens / 1000}k (${Math.round(kvTokensThatFit(presetHardware(name)) / 1000)}k)`,
    presetBasis(name),
  ];
  return `| ${cells.join(" | ")} |`;
});

test("docs/simulator-replica.md has every preset with its floors", () => {
  assert.deepEqual(
    page.split("\n").filter((line) => line.startsWith("| `") && line.split("|").length > 8),
    rows,
    rows.join("\n"),
  );
});
