/** A number in three digits: 0.0123, 12.3, 1,234; "-" for none. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  return size > 0 && size < 1 ? Number(value.toPrecision(3)).toString() : inDecimals(value, decimalsOf(size));
}

/** A count: "12,031". */
export function formatCount(value: number): string {
  return groupThousands(value.toFixed(0));
}

/** "812 ±34", "7.69 ±0.01": a mean and half its interval in the same decimals. */
export function formatWithin(mean: number, half: number): string {
  return `${formatNumber(mean)} ±${inDecimals(half, decimalsOf(Math.abs(mean)))}`;
}

function decimalsOf(size: number): number {
  if (size >= 100 || size === 0) return 0;
  return size >= 10 ? 1 : 2;
}

function inDecimals(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return "-";
  return groupThousands(value.toFixed(decimals));
}

/** "1234567.8" as "1,234,567.8"; by hand, since setting up a locale takes longer than a small run. */
function groupThousands(text: string): string {
  const [whole = "", fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** A ratio as a signed percentage without sign for 0: "-41 %". */
export function formatChange(ratio: number | null): string {
  return ratio === null ? "-" : `${signedPercent(ratio)} %`;
}

/** "-41 % (-45 to -37)"; without an interval only the first. */
export function formatChangeWithin(change: {
  readonly difference: number | null;
  readonly low: number | null;
  readonly high: number | null;
}): string {
  if (change.low === null || change.high === null) return formatChange(change.difference);
  return `${formatChange(change.difference)} (${signedPercent(change.low)} to ${signedPercent(change.high)})`;
}

/** 0..1 as "63 %". */
export function formatShare(ratio: number): string {
  return Number.isFinite(ratio) ? `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %` : "-";
}

function signedPercent(ratio: number): string {
  const percent = ratio * 100;
  const text = Math.abs(percent) < 9.95 ? percent.toFixed(1) : percent.toFixed(0);
  return percent > 0 ? `+${text}` : text;
}
