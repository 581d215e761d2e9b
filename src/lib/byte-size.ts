const factors: Readonly<Record<string, bigint>> = {
  "": 1n,
  k: 10n ** 3n,
  M: 10n ** 6n,
  G: 10n ** 9n,
  T: 10n ** 12n,
  P: 10n ** 15n,
  E: 10n ** 18n,
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};

const largest = 2n ** 63n - 1n;

/**
 * Reads a size as Kubernetes writes quantities, with a `B` after it or not (`4194304`, `10Mi`, `10MiB`, `25MB`, `1.5Gi`), into
 * bytes, fractions rounded up. Undefined for anything else: other units, negative sizes, more than 64 bits hold. A size
 * above 2^53 - 1 counts as that.
 */
export function parseByteSize(text: string): number | undefined {
  const [, whole, fraction = "", unit = ""] = /^\+?(\d+)(?:\.(\d*))?([kMGTPE]|[KMGTPE]i)?B?$/.exec(text) ?? [];
  const factor = factors[unit];
  if (whole === undefined || factor === undefined) return undefined;
  const divisor = 10n ** BigInt(fraction.length);
  const bytes = (BigInt(whole + fraction) * factor + divisor - 1n) / divisor;
  if (bytes > largest) return undefined;
  return Number(bytes > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : bytes);
}
