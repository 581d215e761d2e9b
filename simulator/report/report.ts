import type { ExperimentResult } from "../experiment/result.ts";
/** Placeholder. */
export function formatReport(result: ExperimentResult): string {
  return JSON.stringify(result);
}
