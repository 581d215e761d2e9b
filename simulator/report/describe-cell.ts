import type { CellResult } from "../experiment/result.ts";
import { formatNumber } from "./numbers.ts";

/** "8 replicas, 3.2 requests/s (rate scale 1), scraped every 50 ms". */
export function describeCell({ replicas, offeredPerSecond, rateScale, scrapeMs }: CellResult): string {
  const scale = Number(rateScale.toPrecision(4));
  return `${replicas} replicas, ${formatNumber(offeredPerSecond)} requests/s (rate scale ${scale}), scraped every ${scrapeMs} ms`;
}
