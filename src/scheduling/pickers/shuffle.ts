import type { Random } from "../../lib/random.ts";

/** The numbers 0 to `count` - 1 in random order, every order equally likely (Fisher-Yates). */
export function shuffledIndices(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const kept = order[last] as number;
    order[last] = order[other] as number;
    order[other] = kept;
  }
  return order;
}
