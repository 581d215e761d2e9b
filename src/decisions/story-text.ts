/** Columns of a story. */
export const columns = 100;

/** Words of `text` in lines of 100 columns at most, each behind `indent`; longer words are cut. */
export function wrapped(text: string, indent = ""): string[] {
  const width = columns - indent.length;
  const lines: string[] = [];
  for (const word of text.split(" ").flatMap((long) => pieces(long, width))) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => indent + line);
}

function pieces(word: string, width: number): string[] {
  if (word.length <= width) return [word];
  return Array.from({ length: Math.ceil(word.length / width) }, (_, i) => word.slice(i * width, (i + 1) * width));
}

/** A number in 9 columns at most: whole numbers as they are, others with three significant digits. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e8) return `${value}`;
  if (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3) return value.toExponential(1);
  return `${Number(value.toPrecision(3))}`;
}

/** A time in 8 columns at most; "-" for none. */
export function formatAge(ageMs: number | null): string {
  if (ageMs === null) return "-";
  if (ageMs < 1000) return `${ageMs.toFixed(0)} ms`;
  if (ageMs < 100_000) return `${(ageMs / 1000).toFixed(1)} s`;
  return ageMs < 6e6 ? `${(ageMs / 60_000).toFixed(0)} min` : `${(ageMs / 3_600_000).toFixed(0)} h`;
}
