/**
 * Kendall's tau-b of two lists of equal length, -1 (opposite order) to 1 (same order); NaN when either is all ties.
 * `isTie` says which pairs of `b` are too close to be told apart; ties of `a` are equal values.
 */
export function kendallTau(
  a: readonly number[],
  b: readonly number[],
  isTie: (i: number, j: number) => boolean = (i, j) => b[i] === b[j],
): number {
  let [agreement, pairsOfA, pairsOfB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = i + 1; j < a.length; j++) {
      const signOfA = Math.sign((a[i] as number) - (a[j] as number));
      const signOfB = isTie(i, j) ? 0 : Math.sign((b[i] as number) - (b[j] as number));
      agreement += signOfA * signOfB;
      pairsOfA += Math.abs(signOfA);
      pairsOfB += Math.abs(signOfB);
    }
  }
  return agreement / Math.sqrt(pairsOfA * pairsOfB);
}
