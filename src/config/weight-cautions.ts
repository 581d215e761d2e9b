import type { DocumentPath } from "../lib/document.ts";
import type { CautionRule, PlacedCaution } from "./cautions.ts";
import type { DeclaredProfile, DeclaredUse } from "./profiles.ts";

/** Pickers that do not look at totals. */
const pickersWithoutTotals: ReadonlySet<string> = new Set(["random-picker"]);
/** Pickers to which a total of 0 and one below are the same. */
const pickersByOdds: ReadonlySet<string> = new Set(["weighted-random-picker"]);

/** Weights and scorers that cannot change an outcome. */
export const cautionWeights: readonly CautionRule[] = [
  ({ profiles }) => profiles.flatMap(zeroWeights),
  ({ profiles }) => profiles.flatMap(lostWeights),
  ({ profiles }) => profiles.flatMap(equalScorers),
  ({ profiles }) => profiles.flatMap(idleTotals),
  ({ profiles }, { endpointCount }) =>
    endpointCount === 1
      ? withScorers(profiles).map(({ path, name, uses }) => ({
          path,
          message: `the pool has one endpoint: ${countScorers(uses)} of profile "${name}" cannot change the pick`,
        }))
      : [],
];

const scorersOf = (uses: readonly DeclaredUse[]): DeclaredUse[] =>
  uses.filter(({ plugin }) => plugin.definition.roles.includes("scorer"));

const withScorers = (profiles: readonly DeclaredProfile[]): DeclaredProfile[] =>
  profiles.filter(({ uses }) => scorersOf(uses).length > 0);

function countScorers(uses: readonly DeclaredUse[]): string {
  const count = scorersOf(uses).length;
  return count === 1 ? "the scorer" : `the ${count} scorers`;
}

const weightPath = ({ path }: DeclaredUse): DocumentPath => [...path, "weight"];

function zeroWeights({ uses }: DeclaredProfile): PlacedCaution[] {
  return scorersOf(uses)
    .filter(({ weight }) => weight === 0)
    .map((use) => ({
      path: weightPath(use),
      message: `"${use.plugin.name}" runs and changes nothing: its weight is 0`,
    }));
}

/** Weights that vanish in the sum: a double keeps 53 bits. */
function lostWeights({ uses }: DeclaredProfile): PlacedCaution[] {
  const scorers = scorersOf(uses);
  return scorers.flatMap((use) => {
    const others = scorers.reduce((sum, other) => (other === use ? sum : sum + Math.abs(other.weight)), 0);
    if (use.weight === 0 || others + Math.abs(use.weight) !== others) return [];
    const message = `"${use.plugin.name}" is lost in rounding: its weight is ${use.weight}, those of the others add up to ${others}`;
    return { path: weightPath(use), message };
  });
}

/** Scorers of one type with the same parameters rate alike: they are one scorer with the sum of their weights. */
function equalScorers({ uses }: DeclaredProfile): PlacedCaution[] {
  const first = new Map<string, DeclaredUse>();
  return scorersOf(uses).flatMap((use) => {
    const key = JSON.stringify([use.plugin.definition.type, use.plugin.parameters]);
    const before = first.get(key);
    if (before === undefined) {
      first.set(key, use);
      return [];
    }
    const what =
      before.plugin === use.plugin
        ? `"${use.plugin.name}" is named twice`
        : `"${use.plugin.name}" always scores what "${before.plugin.name}" does`;
    const message = `${what}: weights ${before.weight} and ${use.weight} are one weight of ${before.weight + use.weight}`;
    return { path: use.path, message };
  });
}

/** Profiles whose picker gets totals that say nothing, or does not look at them. */
function idleTotals(profile: DeclaredProfile): PlacedCaution[] {
  const { picker, uses, path, name } = profile;
  if (picker === undefined) return [];
  const { type } = picker.definition;
  const scorers = scorersOf(uses);
  const pickerPath = uses.find(({ plugin }) => plugin === picker)?.path ?? path;
  if (pickersWithoutTotals.has(type)) {
    const message = `"${picker.name}" does not look at scores: ${countScorers(uses)} of profile "${name}" cannot change the pick`;
    return scorers.length === 0 ? [] : [{ path: pickerPath, message }];
  }
  if (scorers.length === 0) {
    return [{ path, message: `profile "${name}" has no scorer: every total is 0, "${picker.name}" picks at random` }];
  }
  if (!pickersByOdds.has(type) || scorers.some(({ weight }) => weight > 0)) return [];
  const message = `no weight is above 0: no total is, and "${picker.name}" takes every endpoint with the same odds`;
  return [{ path: pickerPath, message }];
}
