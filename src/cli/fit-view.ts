import Table from "cli-table3";
import type { FittedReplica } from "../../simulator/experiment/fitted-replica.ts";
import { fittedNames } from "../../simulator/metrics/fit-coefficients.ts";
import { formatCount, formatNumber, formatShare } from "../../simulator/report/numbers.ts";
import { presetConfig, presetFloors } from "../../simulator/replica/presets.ts";

const labels = {
  baseMs: "a step (c0), ms",
  perRequestUs: "a request (cB), us",
  perContextTokenUs: "a context token (cK), us",
  perPrefillTokenUs: "a prompt token (cP), us",
} as const;

/** Coefficients of a plan beside those of its preset and the floors of the hardware, then how well they were fitted. */
export function formatCoefficientTable({ preset, coefficients, fit, kvTokens }: FittedReplica): string {
  const table = new Table({
    head: ["", "used", `of ${preset}`, "floor", ""],
    colAligns: ["left", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  const [usual, floors] = [presetConfig(preset), presetFloors(preset)];
  for (const name of fittedNames) {
    const numbers = [coefficients[name], usual.coefficients[name], floors[name]].map(formatNumber);
    table.push([labels[name], ...numbers, fit?.atFloor.includes(name) === true ? "stayed at its floor" : ""]);
  }
  const cache = kvTokens === undefined ? [] : [`KV cache of ${formatCount(kvTokens)} tokens`];
  if (fit === undefined) return ["Coefficients, fitted to nothing", table.toString(), ...cache].join("\n");
  return [
    `Coefficients fitted to ${fit.source}`,
    table.toString(),
    [
      `error on the ${fit.heldOut} stretches held out ${formatShare(fit.heldOutError)}`,
      `R2 ${fit.rSquared.toFixed(3)} on the ${fit.intervals} others`,
      `condition number ${formatNumber(fit.conditionNumber)}`,
      ...cache,
    ].join(", "),
  ].join("\n");
}
