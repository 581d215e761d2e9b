import { nestedSpread } from "../statistics/nested-spread.ts";

/** How a figure of a reconstructed load varies, and over what. Plain data without NaN. */
export interface FigureSpread {
  /** From one reconstruction to another: what metrics do not say of the load. Standard deviation, least and greatest mean. */
  readonly overReconstructions: { readonly deviation: number; readonly low: number; readonly high: number };
  /** From one seed to another on the same load: chance in pickers and samples. null: one seed each. */
  readonly overSeeds: { readonly deviation: number } | null;
}

/** The spread of `values`, of which every `runsEach` in a row are seeds of one reconstruction. */
export function figureSpread(values: readonly number[], runsEach: number): FigureSpread {
  const { between, low, high, within } = nestedSpread(values, runsEach);
  return {
    overReconstructions: { deviation: between, low, high },
    overSeeds: runsEach === 1 ? null : { deviation: within },
  };
}
