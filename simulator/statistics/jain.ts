/**
 * Jain's index of how evenly `shares` are given out: 1 when all are equal, 1/n when one has everything. NaN without values,
 * and when all are 0.
 */
export function jainIndex(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return (sum * sum) / (shares.length * squares);
}
