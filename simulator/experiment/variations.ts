import { createRandom } from "../../src/lib/random.ts";
import { type Factors, type Variation, variedFactors } from "./plan.ts";

/** How far coefficients are varied, down and up (simulator 3.3). */
const spread = 0.3;

const unchanged: Factors = { c0: 1, cK: 1, cP: 1, KV: 1, T: 1 };

/**
 * Each factor alone at both ends of ±30 %, then `draws` of all at once, uniform within; none for 0 draws. The same seed gives the same
 * draws.
 */
export function drawVariations(draws: number, seed: number): Variation[] {
  if (draws === 0) return [];
  const alone = variedFactors.flatMap((name) =>
    [1 - spread, 1 + spread].map((factor) => ({ alone: name, factors: { ...unchanged, [name]: factor } })),
  );
  const random = createRandom(seed);
  const together = Array.from({ length: draws }, () => {
    const drawn = variedFactors.map((name) => [name, 1 - spread + 2 * spread * random()] as const);
    return { factors: Object.fromEntries(drawn) as Factors };
  });
  return [...alone, ...together];
}
