/**
 * Quantile of an unlabelled Prometheus histogram on a metrics page, in the histogram's unit, linear within its bucket
 * (Prometheus' histogram_quantile). NaN when the page has no such histogram or it is empty; the last finite bound when the
 * quantile lies beyond it.
 */
export function histogramQuantile(page: string, name: string, share: number): number {
  const buckets = readBuckets(page, name);
  const total = buckets.at(-1)?.count ?? 0;
  if (total === 0) return Number.NaN;
  const wanted = share * total;
  let [lowerBound, lowerCount] = [0, 0];
  for (const { bound, count } of buckets) {
    if (bound === Number.POSITIVE_INFINITY) break;
    if (count >= wanted) {
      const inBucket = count - lowerCount;
      return inBucket === 0 ? bound : lowerBound + ((wanted - lowerCount) / inBucket) * (bound - lowerBound);
    }
    [lowerBound, lowerCount] = [bound, count];
  }
  return lowerBound;
}

/** Cumulative counts in order of their upper bounds. */
function readBuckets(page: string, name: string): { bound: number; count: number }[] {
  const line = new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\d+)$`, "gm");
  return Array.from(page.matchAll(line), ([, bound, count]) => ({
    bound: bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound),
    count: Number(count),
  })).sort((a, b) => a.bound - b.bound);
}
