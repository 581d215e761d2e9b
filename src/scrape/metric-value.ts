/** Most requests an endpoint can report; a larger number is a broken one. */
export const maxCount = 10_000_000;

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The number of a sample; undefined for what is not a finite decimal: NaN, infinities, hexadecimal, overflow, words, nothing. */
export function parseMetricValue(text: string): number | undefined {
  if (!decimal.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** A count, cut to a whole number (protocol 5.2); undefined when negative or above `maxCount`. */
export function asCount(value: number): number | undefined {
  return value >= 0 && value <= maxCount ? Math.trunc(value) : undefined;
}

/** A count that only grows, cut to a whole number; undefined when negative or too large to be counted exactly. */
export function asTotal(value: number): number | undefined {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.trunc(value) : undefined;
}

/** A share of 0..1; undefined outside. What lies outside by rounding only is moved to the bound. */
export function asRatio(value: number): number | undefined {
  const tolerance = 1e-6;
  if (!(value >= -tolerance && value <= 1 + tolerance)) return undefined;
  return Math.min(1, Math.max(0, value));
}

/** A whole number from `min` to `max` written in decimal digits, as labels carry it; undefined otherwise. */
export function parseWhole(text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined || !/^\s*\d{1,15}\s*$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}
