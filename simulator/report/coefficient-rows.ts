import type { FittedReplica } from "../experiment/fitted-replica.ts";
import { fittedNames } from "../metrics/fit-coefficients.ts";
import { presetConfig, presetFloors } from "../replica/presets.ts";
import { formatCount, formatNumber, formatShare } from "./numbers.ts";

const labels = {
  baseMs: "a step (c0), ms",
  perRequestUs: "a request (cB), us",
  perContextTokenUs: "a context token (cK), us",
  perPrefillTokenUs: "a prompt token (cP), us",
} as const;

/** Coefficients of a plan beside those of their preset and the floors of the hardware, as a table with a head. */
export function coefficientRows({ preset, coefficients, fit }: FittedReplica): readonly (readonly string[])[] {
  const [usual, floors] = [presetConfig(preset), presetFloors(preset)];
  return [
    ["", "used", `of ${preset}`, "floor", ""],
    ...fittedNames.map((name) => [
      labels[name],
      ...[coefficients[name], usual.coefficients[name], floors[name]].map(formatNumber),
      fit?.atFloor.includes(name) === true ? "stayed at its floor" : "",
    ]),
  ];
}

/** What the table is called. */
export function coefficientTitle({ fit }: FittedReplica): string {
  return fit === undefined ? "Coefficients as given" : `Coefficients fitted to ${fit.source}`;
}

/** How well they were fitted, and the KV cache, on one line; "" when there is nothing to say. */
export function coefficientQuality({ fit, kvTokens }: FittedReplica): string {
  const quality =
    fit === undefined
      ? []
      : [
          `error on the ${fit.heldOut} stretches held out ${formatShare(fit.heldOutError)}`,
          `R2 ${fit.rSquared.toFixed(3)} on the ${fit.intervals} others`,
          `condition number ${formatNumber(fit.conditionNumber)}`,
        ];
  return [...quality, ...(kvTokens === undefined ? [] : [`KV cache of ${formatCount(kvTokens)} tokens`])].join(", ");
}
