import type { PairedResult } from "../experiment/compare.ts";
import { type Figure, verdictFigures } from "../experiment/figures.ts";
import { formatChangeWithin } from "./numbers.ts";

/** What is said of two policies. */
export interface PairVerdict {
  readonly a: string;
  readonly b: string;
  /** `mixed`: better in one figure, worse in another; `equal`: what is decided is under 1 %. */
  readonly verdict: "better" | "worse" | "mixed" | "equal" | "undecided";
  readonly text: string;
}

/** A smaller difference makes nobody the better policy, however sure it is. */
const worthTelling = 0.01;

const reasons: Readonly<Record<NonNullable<PairedResult["because"]>, string>> = {
  seeds: "one seed gives no interval",
  interval: "the interval holds zero",
  gate: "the gate's error is greater",
  coefficients: "varied coefficients turn it round",
};

/** One line for each pair of policies: "default beats round-robin: TTFT p99 -41 % (-45 to -37), ...". */
export function pairVerdicts(paired: readonly PairedResult[]): PairVerdict[] {
  const pairs = new Map<string, PairedResult[]>();
  for (const one of paired) {
    const key = JSON.stringify([one.a, one.b]);
    pairs.set(key, [...(pairs.get(key) ?? []), one]);
  }
  return [...pairs.values()].map(verdictOf);
}

function verdictOf(results: readonly PairedResult[]): PairVerdict {
  const [first] = results;
  const [a, b] = [first?.a ?? "", first?.b ?? ""];
  const shown = verdictFigures.flatMap((figure) => {
    const result = results.find(({ metric }) => metric === figure.metric);
    return result === undefined ? [] : [{ figure, result }];
  });
  const has = (verdict: PairedResult["verdict"], least: number): boolean =>
    shown.some(({ result }) => result.verdict === verdict && Math.abs(result.relative.difference ?? 0) >= least);
  const isDecided = has("better", 0) || has("worse", 0);
  const verdict = summarize(has("better", worthTelling), has("worse", worthTelling), isDecided);
  const heads = {
    better: `${a} beats ${b}`,
    worse: `${a} loses to ${b}`,
    equal: `${a} equals ${b} within 1 %`,
    mixed: `${a} against ${b}: mixed`,
    undecided: `${a} against ${b}: undecided`,
  };
  const parts = shown.map(({ figure, result }) => describe(figure, result));
  return { a, b, verdict, text: `${heads[verdict]}: ${parts.join("; ")}` };
}

function summarize(hasBetter: boolean, hasWorse: boolean, isDecided: boolean): PairVerdict["verdict"] {
  if (hasBetter) return hasWorse ? "mixed" : "better";
  if (hasWorse) return "worse";
  return isDecided ? "equal" : "undecided";
}

function describe({ label }: Figure, { relative, because, difference }: PairedResult): string {
  if (difference === 0) return `${label} equal`;
  const change = `${label} ${formatChangeWithin(relative)}`;
  return because === null ? change : `${change}, undecided: ${reasons[because]}`;
}
