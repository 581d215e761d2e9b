import { printableText } from "../lib/printable-text.ts";

/** One column of a table of rows of kind `Row`. */
export interface Column<Row> {
  readonly title: string;
  readonly align: "left" | "right";
  /** Width in columns that it needs; never less is given. */
  readonly width: number;
  /** It takes more than `width` where its cells have more to say and there is room. */
  readonly grows?: boolean;
  /** Columns of greater importance stay longest when the terminal is narrow. */
  readonly importance: number;
  /** Foreign text is made fit for a terminal by the table. */
  cell(row: Row): string;
}

/** A table as text. */
export interface TextTable {
  readonly head: string;
  /** One line a row, in order, not longer than the width. */
  readonly lines: readonly string[];
}

/**
 * A table of `width` columns at most: the least important of its columns are left out until the others fit, with two blanks
 * between columns where there is room, else one; what is left goes to the columns that grow, in order.
 */
export function textTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): TextTable {
  const { kept, gap } = choose(columns, width);
  const cells = rows.map((row) => kept.map((column) => printableText(column.cell(row), 1000)));
  const widths = grow(kept, cells, width - total(kept, gap));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => pad(shorten(text, widths[i] ?? 0), widths[i] ?? 0, kept[i]?.align))
      .join(" ".repeat(gap))
      .slice(0, width)
      .trimEnd();
  return { head: line(kept.map(({ title }) => title)), lines: cells.map(line) };
}

/** `text` in `width` columns: what is too long loses its middle, since names of pods differ at their ends. */
export function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  if (width < 5) return text.slice(0, Math.max(0, width));
  const tail = Math.floor((width - 2) / 2);
  return `${text.slice(0, width - 2 - tail)}..${text.slice(text.length - tail)}`;
}

function choose<Row>(columns: readonly Column<Row>[], width: number): { kept: readonly Column<Row>[]; gap: number } {
  const ranked = columns.toSorted((a, b) => b.importance - a.importance);
  for (let count = ranked.length; count > 1; count--) {
    const kept = columns.filter((column) => ranked.indexOf(column) < count);
    for (const gap of [2, 1]) if (total(kept, gap) <= width) return { kept, gap };
  }
  return { kept: ranked.slice(0, 1), gap: 1 };
}

function total<Row>(columns: readonly Column<Row>[], gap: number): number {
  return columns.reduce((sum, { width }) => sum + width, gap * (columns.length - 1));
}

function grow<Row>(columns: readonly Column<Row>[], cells: readonly (readonly string[])[], spare: number): number[] {
  let left = Math.max(0, spare);
  return columns.map(({ width, grows }, i) => {
    if (grows !== true) return width;
    const longest = cells.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), 0);
    const extra = Math.min(left, Math.max(0, longest - width));
    left -= extra;
    return width + extra;
  });
}

function pad(text: string, width: number, align: "left" | "right" | undefined): string {
  return align === "right" ? text.padStart(width) : text.padEnd(width);
}
