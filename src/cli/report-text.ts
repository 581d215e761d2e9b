import Table from "cli-table3";

/** A table whose first `leftColumns` and last `lastColumns` columns are text, the others numbers or words of one kind. */
export function newTable(head: readonly string[], leftColumns: number, lastColumns = 0): InstanceType<typeof Table> {
  const isText = (column: number): boolean => column < leftColumns || column >= head.length - lastColumns;
  return new Table({
    head: [...head],
    colAligns: head.map((_, column) => (isText(column) ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
}

/** Breaks at blanks; a word that is longer than a line is cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((whole) => whole.match(new RegExp(`.{1,${width}}`, "g")) ?? [])) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Keeps both ends, where names differ. */
export function cutMiddle(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = Math.floor((width - 2) / 2);
  return `${text.slice(0, head)}..${text.slice(text.length - (width - 2 - head))}`;
}
