/** A count as scorers take it: NaN for what no server can mean (unknown, negative, NaN, infinite). */
export function knownCount(value: number | undefined): number {
  return value !== undefined && value >= 0 && value < Number.POSITIVE_INFINITY ? value : Number.NaN;
}
