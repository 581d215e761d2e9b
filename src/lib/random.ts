import { mix32 } from "./mix32.ts";

/** Uniform numbers in [0, 1). Passed in wherever chance decides, so that a seed repeats a run. */
export type Random = () => number;

/**
 * A seeded generator (sfc32 after a splitmix32 warm-up): the same `seed` (any finite number, used modulo 2^32) gives the
 * same sequence on every machine and version.
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const splitmix = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    return mix32(state);
  };
  let [a, b, c, counter] = [splitmix(), splitmix(), splitmix(), 1];
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/**
 * Chance that hangs on a key: `from(key)` gives the stream of a key (a whole number, used modulo 2^32), the same whatever was
 * drawn before from this key or others. The streams share one generator: a stream is to be used up before the next is asked
 * for.
 */
export interface KeyedRandom {
  from(key: number): Random;
}

/** Streams by key, after `seed` (any finite number, used modulo 2^32). */
export function createKeyedRandom(seed: number): KeyedRandom {
  const start = mix32((seed >>> 0) + 0x9e3779b9);
  let state = 0;
  const next: Random = () => {
    state = (state + 0x9e3779b9) | 0;
    return mix32(state) / 4294967296;
  };
  return {
    from: (key) => {
      // Mixed twice, so that the streams of neighbours do not run behind one another.
      state = mix32(mix32(key >>> 0) ^ start);
      return next;
    },
  };
}
