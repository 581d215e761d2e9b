import type { ExperimentPlan } from "../experiment/plan.ts";

/** "10 seeds"; of a reconstructed load "20 reconstructions with 2 seeds each". */
export function describeRuns({ seeds, reconstructions }: ExperimentPlan): string {
  const each = seeds === 1 ? "1 seed" : `${seeds} seeds`;
  return reconstructions === undefined ? each : `${reconstructions} reconstructions with ${each} each`;
}
