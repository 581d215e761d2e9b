/** A whole number from 1 to 10^9 in decimal digits, as labels carry it; undefined for anything else. */
export function parseWholeLabel(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  return Number(text) >= 1 ? Number(text) : undefined;
}
