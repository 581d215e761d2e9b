import { none, type RequestTable } from "../engine/request-table.ts";
import { BlockChains, rootBlock } from "./block-chains.ts";

/** One request before it has its place in a table; what is left out has the default of `RequestTable`. */
export interface NewRequest {
  readonly arrivalMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly maxOutputTokens?: number;
  /** Default: the builder's model. */
  readonly model?: string;
  readonly adapter?: string;
  readonly priority?: number;
  /** Requests with the same key are of one session. */
  readonly session?: string | number;
  /** What `add` returned for the request that this one follows on. */
  readonly after?: number;
  readonly delayMs?: number;
}

/**
 * Collects requests in any order of arrival and makes a table of them: sorted, those of one instant in the order they came.
 * Holds columns, no objects, so that millions fit.
 */
export class RequestTableBuilder {
  /** Ids of blocks; see `addBlocks`. */
  readonly chains = new BlockChains();
  readonly #blockTokens: number;
  readonly #defaultModel: string;
  readonly #models = new Names("model", 65_536);
  readonly #adapters = new Names("adapter", 32_768);
  readonly #sessions = new Map<string | number, number>();
  #count = 0;
  #columns = createColumns(1024);
  #blockCount = 0;
  #blocks = new Uint32Array(16_384);

  /** `blockTokens`: tokens of each block; `model`: name for requests without one. */
  constructor(blockTokens: number, model: string) {
    this.#blockTokens = blockTokens;
    this.#defaultModel = model;
  }

  /** Requests so far. */
  get count(): number {
    return this.#count;
  }

  /** Arrivals by what `add` returned; may be changed, and is to be asked for again after an `add`. */
  get arrivalsMs(): Float64Array {
    return this.#columns.arrivalMs.subarray(0, this.#count);
  }

  /** True for a request that follows on another. */
  isFollower(request: number): boolean {
    return this.#columns.afterRow[request] !== none;
  }

  /** Takes a request and returns its number, from 0. Throws RangeError at the 65,537th model or the 32,769th adapter. */
  add(request: NewRequest): number {
    const { adapter, session } = request;
    const row = this.#count;
    if (row === this.#columns.arrivalMs.length) this.#columns = enlarge(this.#columns, createColumns(2 * row));
    const columns = this.#columns;
    columns.model[row] = this.#models.indexOf(request.model ?? this.#defaultModel);
    columns.adapter[row] = adapter === undefined ? none : this.#adapters.indexOf(adapter);
    columns.arrivalMs[row] = request.arrivalMs;
    columns.delayMs[row] = request.delayMs ?? 0;
    columns.afterRow[row] = request.after ?? none;
    columns.promptTokens[row] = request.promptTokens;
    columns.outputTokens[row] = request.outputTokens;
    columns.maxOutputTokens[row] = request.maxOutputTokens ?? 0;
    columns.priority[row] = request.priority ?? 0;
    columns.session[row] = session === undefined ? none : this.#sessionOf(session);
    columns.blockEnd[row] = this.#blockCount;
    this.#count++;
    return row;
  }

  /**
   * Adds blocks to the newest request: the first `count` of `contents`, each after the one before it. Equal beginnings get equal
   * ids.
   */
  addBlocks(contents: readonly number[], count = contents.length): void {
    this.#reserveBlocks(count);
    let last = rootBlock;
    for (let i = 0; i < count; i++) {
      last = this.chains.extend(last, contents[i] as number);
      this.#blocks[this.#blockCount++] = last;
    }
    this.#columns.blockEnd[this.#count - 1] = this.#blockCount;
  }

  /** Adds blocks of `chains` to the newest request. */
  addBlockIds(ids: ArrayLike<number>): void {
    this.#reserveBlocks(ids.length);
    this.#blocks.set(ids, this.#blockCount);
    this.#blockCount += ids.length;
    this.#columns.blockEnd[this.#count - 1] = this.#blockCount;
  }

  #reserveBlocks(count: number): void {
    const needed = this.#blockCount + count;
    if (needed <= this.#blocks.length) return;
    const larger = new Uint32Array(2 * needed);
    larger.set(this.#blocks);
    this.#blocks = larger;
  }

  /** The table. A request that follows on another is not before it. The builder is not to be used afterwards. */
  build(): RequestTable {
    this.#keepFollowersBehind();
    const rows = this.#sortedRows();
    const columns = rows === undefined ? firstRows(this.#columns, this.#count) : pickRows(this.#columns, rows);
    if (rows !== undefined) renumber(columns.afterRow, rows);
    const { blockEnd, ...others } = columns;
    return {
      count: this.#count,
      ...others,
      models: this.#models.list,
      adapters: this.#adapters.list,
      ...(rows === undefined ? this.#allBlocks(blockEnd) : this.#pickBlocks(rows)),
      blockTokens: this.#blockTokens,
    };
  }

  #sessionOf(key: string | number): number {
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    this.#sessions.set(key, this.#sessions.size);
    return this.#sessions.size - 1;
  }

  #keepFollowersBehind(): void {
    const { arrivalMs, afterRow } = this.#columns;
    for (let row = 0; row < this.#count; row++) {
      const before = afterRow[row] as number;
      if (before !== none) arrivalMs[row] = Math.max(arrivalMs[row] as number, arrivalMs[before] as number);
    }
  }

  /** Row numbers in order of arrival; undefined when that is their own order. */
  #sortedRows(): Uint32Array | undefined {
    const { arrivalMs } = this.#columns;
    const rows = new Uint32Array(this.#count);
    let isSorted = true;
    for (let row = 0; row < this.#count; row++) {
      rows[row] = row;
      if (row > 0 && (arrivalMs[row - 1] as number) > (arrivalMs[row] as number)) isSorted = false;
    }
    if (isSorted) return undefined;
    return rows.sort((a, b) => (arrivalMs[a] as number) - (arrivalMs[b] as number) || a - b);
  }

  #allBlocks(blockEnd: Uint32Array): Pick<RequestTable, "blockStart" | "blocks"> {
    const blockStart = new Uint32Array(this.#count + 1);
    blockStart.set(blockEnd, 1);
    return { blockStart, blocks: this.#blocks.slice(0, this.#blockCount) };
  }

  #pickBlocks(rows: Uint32Array): Pick<RequestTable, "blockStart" | "blocks"> {
    const { blockEnd } = this.#columns;
    const blockStart = new Uint32Array(this.#count + 1);
    const blocks = new Uint32Array(this.#blockCount);
    let at = 0;
    for (let place = 0; place < rows.length; place++) {
      const row = rows[place] as number;
      const end = blockEnd[row] as number;
      for (let from = row === 0 ? 0 : (blockEnd[row - 1] as number); from < end; from++) {
        blocks[at++] = this.#blocks[from] as number;
      }
      blockStart[place + 1] = at;
    }
    return { blockStart, blocks };
  }
}

/** What is known of each request, by its number. */
interface Columns {
  readonly arrivalMs: Float64Array;
  readonly delayMs: Float64Array;
  readonly afterRow: Int32Array;
  readonly promptTokens: Uint32Array;
  readonly outputTokens: Uint32Array;
  readonly maxOutputTokens: Uint32Array;
  readonly model: Uint16Array;
  readonly adapter: Int16Array;
  readonly priority: Int32Array;
  readonly session: Int32Array;
  /** End of its blocks among all blocks. */
  readonly blockEnd: Uint32Array;
}

function createColumns(capacity: number): Columns {
  return {
    arrivalMs: new Float64Array(capacity),
    delayMs: new Float64Array(capacity),
    afterRow: new Int32Array(capacity),
    promptTokens: new Uint32Array(capacity),
    outputTokens: new Uint32Array(capacity),
    maxOutputTokens: new Uint32Array(capacity),
    model: new Uint16Array(capacity),
    adapter: new Int16Array(capacity),
    priority: new Int32Array(capacity),
    session: new Int32Array(capacity),
    blockEnd: new Uint32Array(capacity),
  };
}

const columnNames = Object.keys(createColumns(0)) as (keyof Columns)[];

function enlarge(from: Columns, to: Columns): Columns {
  for (const name of columnNames) to[name].set(from[name]);
  return to;
}

function firstRows(from: Columns, count: number): Columns {
  const to = createColumns(count);
  for (const name of columnNames) to[name].set(from[name].subarray(0, count));
  return to;
}

/** The columns with `rows` in their order. */
function pickRows(from: Columns, rows: Uint32Array): Columns {
  const to = createColumns(rows.length);
  for (const name of columnNames) {
    const [source, target] = [from[name], to[name]];
    for (let place = 0; place < rows.length; place++) target[place] = source[rows[place] as number] as number;
  }
  return to;
}

/** Turns numbers of `afterRow` from before the sort into those after it. */
function renumber(afterRow: Int32Array, rows: Uint32Array): void {
  const placeOf = new Int32Array(rows.length);
  for (let place = 0; place < rows.length; place++) placeOf[rows[place] as number] = place;
  for (let place = 0; place < afterRow.length; place++) {
    const row = afterRow[place] as number;
    if (row !== none) afterRow[place] = placeOf[row] as number;
  }
}

/** Names by number, in the order of their first use. */
class Names {
  readonly list: string[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #what: string;
  readonly #most: number;

  constructor(what: string, most: number) {
    this.#what = what;
    this.#most = most;
  }

  indexOf(name: string): number {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    if (this.list.length === this.#most) {
      throw new RangeError(`Cannot add a ${this.#what}: the load has ${this.#most} of them, expected no more`);
    }
    this.#indexes.set(name, this.list.length);
    return this.list.push(name) - 1;
  }
}
