import { verdictFigures } from "../experiment/figures.ts";
import type { FigureSpread } from "../experiment/figure-spread.ts";
import type { CellResult } from "../experiment/result.ts";
import { formatNumber } from "./numbers.ts";

/** One line of the table of spreads; `values` by policy. */
export interface SpreadRow {
  readonly label: string;
  /** The label by itself. */
  readonly name: string;
  readonly values: readonly string[];
}

/** What the table is called. */
export const spreadTitle =
  "Spread of reconstructed loads: standard deviation over reconstructions (least to greatest mean), and over seeds of one";

/** The table of spreads of the figures that verdicts speak of; none when the load was not reconstructed. */
export function spreadRows({ policies }: CellResult): SpreadRow[] {
  if (policies.every(({ spreads }) => spreads === undefined)) return [];
  const width = Math.max(...verdictFigures.map(({ label }) => label.length));
  return verdictFigures.flatMap(({ metric, label }) => {
    const read = (tell: (spread: FigureSpread) => string): string[] =>
      policies.map(({ spreads }) => {
        const spread = spreads?.[metric];
        return spread === undefined ? "-" : tell(spread);
      });
    return [
      {
        label: `${label.padEnd(width)} over reconstructions`,
        name: `${label} over reconstructions`,
        values: read(({ overReconstructions: { deviation, low, high } }) => {
          return `±${formatNumber(deviation)} (${formatNumber(low)} to ${formatNumber(high)})`;
        }),
      },
      {
        label: `${" ".repeat(width)} over seeds`,
        name: `${label} over seeds`,
        values: read(({ overSeeds }) =>
          overSeeds === null ? "one seed each" : `±${formatNumber(overSeeds.deviation)}`,
        ),
      },
    ];
  });
}
