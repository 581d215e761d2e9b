/** A number in three digits: 0.0123, 12.3, 1,234; "-" for none. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  if (size >= 100 || size === 0) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  return Number(value.toPrecision(2)).toString();
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
