/** A row that could not be used. */
export interface RowProblem {
  /** `file:line`, or `file[index]` for an item of a JSON array. */
  readonly where: string;
  readonly found: string;
  readonly expected: string;
}

const keptExamples = 20;

/** Rows of one file that could not be used: all are counted, the first twenty kept. */
export class RowProblems {
  readonly file: string;
  readonly examples: RowProblem[] = [];
  #count = 0;

  constructor(file: string) {
    this.file = file;
  }

  get count(): number {
    return this.#count;
  }

  atLine(line: number, found: string, expected: string): void {
    this.#add(`${this.file}:${line}`, found, expected);
  }

  atItem(index: number, found: string, expected: string): void {
    this.#add(`${this.file}[${index}]`, found, expected);
  }

  /** Takes over those of another file. */
  addAll({ count, examples }: RowProblems): void {
    this.#count += count;
    this.examples.push(...examples.slice(0, keptExamples - this.examples.length));
  }

  #add(where: string, found: string, expected: string): void {
    this.#count++;
    if (this.examples.length < keptExamples) this.examples.push({ where, found, expected });
  }
}

/** A problem as one sentence. */
export function formatRowProblem({ where, found, expected }: RowProblem): string {
  return `Cannot use row "${where}": ${found}, expected ${expected}`;
}

/** A found value in words that repeat numbers only: a file may hold prompts where a number should be. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return Array.isArray(value) ? "a list" : "an object";
  if (value === "") return "an empty text";
  return /^[-+\d.:, TZe]{1,40}$/.test(value) ? `"${value}"` : "a text that is no number";
}
