import { none, type RequestTable } from "../../simulator/engine/request-table.ts";

/** One row of a table; what is absent takes the default. */
export interface RowTraits {
  readonly arrivalMs?: number;
  readonly afterRow?: number;
  readonly delayMs?: number;
  /** Default 100. */
  readonly promptTokens?: number;
  /** Default 10. */
  readonly outputTokens?: number;
  readonly maxOutputTokens?: number;
  readonly adapter?: number;
  readonly model?: number;
  readonly priority?: number;
  readonly blocks?: readonly number[];
}

/** A table of these rows, of the model `base` and three adapters, with blocks of 16 tokens. */
export function aRequestTable(rows: readonly RowTraits[], blockTokens = 16): RequestTable {
  const numbers = (read: (row: RowTraits) => number): number[] => rows.map(read);
  const blockStart = new Uint32Array(rows.length + 1);
  for (const [i, { blocks = [] }] of rows.entries()) blockStart[i + 1] = (blockStart[i] ?? 0) + blocks.length;
  return {
    count: rows.length,
    arrivalMs: Float64Array.from(numbers(({ arrivalMs = 0 }) => arrivalMs)),
    afterRow: Int32Array.from(numbers(({ afterRow = none }) => afterRow)),
    delayMs: Float64Array.from(numbers(({ delayMs = 0 }) => delayMs)),
    promptTokens: Uint32Array.from(numbers(({ promptTokens = 100 }) => promptTokens)),
    outputTokens: Uint32Array.from(numbers(({ outputTokens = 10 }) => outputTokens)),
    maxOutputTokens: Uint32Array.from(numbers(({ maxOutputTokens = 0 }) => maxOutputTokens)),
    model: Uint16Array.from(numbers(({ model = 0 }) => model)),
    models: ["base", "other"],
    adapter: Int16Array.from(numbers(({ adapter = none }) => adapter)),
    adapters: ["a-1", "a-2", "a-3"],
    priority: Int32Array.from(numbers(({ priority = 0 }) => priority)),
    session: Int32Array.from(numbers(() => none)),
    blockStart,
    blocks: Uint32Array.from(rows.flatMap(({ blocks = [] }) => blocks)),
    blockTokens,
  };
}
