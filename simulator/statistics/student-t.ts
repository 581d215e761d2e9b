/**
 * Share of Student's t distribution with `freedom` degrees (a whole number from 1) that lies within ±`t`: the finite series
 * of Abramowitz and Stegun 26.7.3 and 26.7.4.
 */
export function shareWithin(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const sine = Math.sin(angle);
  const cosine = Math.cos(angle);
  const isOdd = freedom % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k <= freedom - 2; k += 2) {
    term *= ((k - 1) / k) * cosine * cosine;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}

/**
 * The t that `share` (0..1, both excluded) of the distribution lies within, on both sides: 0.95 with 9 degrees is 2.262.
 * Throws RangeError for other shares and for degrees that are no whole number from 1.
 */
export function studentT(share: number, freedom: number): number {
  if (!(share > 0 && share < 1)) throw new RangeError(`Cannot take t of share ${share}, expected between 0 and 1`);
  if (!Number.isSafeInteger(freedom) || freedom < 1) {
    throw new RangeError(`Cannot take t with ${freedom} degrees of freedom, expected a whole number from 1`);
  }
  let low = 0;
  let high = 1;
  while (shareWithin(high, freedom) < share) [low, high] = [high, high * 2];
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (shareWithin(middle, freedom) < share) low = middle;
    else high = middle;
  }
  return high;
}
