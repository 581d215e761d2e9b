import type { PairedResult } from "../experiment/compare.ts";
import { type Figure, verdictFigures } from "../experiment/figures.ts";
import { formatChangeWithin } from "./numbers.ts";

/** What is said of two policies. */
export interface PairVerdict {
  readonly a: string;
  readonly b: string;
  /** `mixed`: better in one figure, worse in another. */
  readonly verdict: "better" | "worse" | "mixed" | "undecided";
  readonly text: string;
}

const reasons: Readonly<Record<NonNullable<PairedResult["because"]>, string>> = {
  seeds: "one seed gives no interval",
  interval: "the interval holds zero",
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
  const has = (verdict: PairedResult["verdict"]): boolean => shown.some(({ result }) => result.verdict === verdict);
  const verdict = summarize(has("better"), has("worse"));
  const heads = {
    better: `${a} beats ${b}`,
    worse: `${a} loses to ${b}`,
    mixed: `${a} against ${b}: mixed`,
    undecided: `${a} against ${b}: undecided`,
  };
  const parts = shown.map(({ figure, result }) => describe(figure, result));
  return { a, b, verdict, text: `${heads[verdict]}: ${parts.join("; ")}` };
}

function summarize(hasBetter: boolean, hasWorse: boolean): PairVerdict["verdict"] {
  if (hasBetter) return hasWorse ? "mixed" : "better";
  return hasWorse ? "worse" : "undecided";
}

function describe({ label }: Figure, { relative, because }: PairedResult): string {
  const change = `${label} ${formatChangeWithin(relative)}`;
  return because === null ? change : `${change}, undecided: ${reasons[because]}`;
}
