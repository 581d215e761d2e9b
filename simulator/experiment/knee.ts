/**
 * Where a pool's knee is for a policy: the greatest rate at which it still meets the objectives for `kneeShare` of the requests for
 * which it meets them at a light load. What misses them on an idle pool, a prompt that takes too long by itself, says nothing about the
 * rate.
 */
export interface Knee {
  readonly policy: string;
  /** Null: the rate never mattered, or none was low enough. */
  readonly rateScale: number | null;
  /** Requests a second that arrive at this scale. */
  readonly requestsPerSecond: number | null;
  /** Share of the requests that meet the objectives there. */
  readonly attainment: number | null;
  /** The same at the light load. */
  readonly lightAttainment: number;
}

/** What one rate gives. */
export interface RateOutcome {
  readonly attainment: number;
  readonly requestsPerSecond: number;
}

export const kneeShare = 0.95;
/** The knee is known when the rates on both sides of it are this close. */
const closeEnough = 1.02;
const lightScale = 1 / 50;
const widest = 2 ** 12;

/**
 * Searches by halving on a logarithmic scale, from `startScale`, for the greatest rate that `outcomeAt` is good enough for; it is asked
 * once a rate.
 */
export async function findKnee(
  policy: string,
  startScale: number,
  outcomeAt: (rateScale: number) => Promise<RateOutcome>,
): Promise<Knee> {
  const light = await outcomeAt(startScale * lightScale);
  const isGood = ({ attainment }: RateOutcome): boolean => attainment >= kneeShare * light.attainment;
  const knee = (rateScale: number, outcome: RateOutcome): Knee => ({
    policy,
    rateScale,
    requestsPerSecond: outcome.requestsPerSecond,
    attainment: outcome.attainment,
    lightAttainment: light.attainment,
  });
  const none: Knee = {
    policy,
    rateScale: null,
    requestsPerSecond: null,
    attainment: null,
    lightAttainment: light.attainment,
  };
  if (!(light.attainment > 0)) return none;
  let [low, lowOutcome] = [startScale * lightScale, light];
  let high = startScale;
  for (let outcome = await outcomeAt(high); isGood(outcome); outcome = await outcomeAt(high)) {
    [low, lowOutcome] = [high, outcome];
    if (high > startScale * widest) return none;
    high *= 2;
  }
  // Halving down from the start is quicker than from the light load, where the search would begin 50 times too low.
  while (low * 2 < high) {
    const middle = high / 2;
    const outcome = await outcomeAt(middle);
    if (isGood(outcome)) [low, lowOutcome] = [middle, outcome];
    else high = middle;
  }
  while (high / low > closeEnough) {
    const middle = Math.sqrt(low * high);
    const outcome = await outcomeAt(middle);
    if (isGood(outcome)) [low, lowOutcome] = [middle, outcome];
    else high = middle;
  }
  return knee(low, lowOutcome);
}
