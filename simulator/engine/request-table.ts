/** No row, model or adapter. */
export const none = -1;

/**
 * The requests of a run, one row each, in order of arrival: column i belongs to row i. Typed arrays, so that a million
 * requests fit (simulator 5).
 */
export interface RequestTable {
  readonly count: number;
  /** Intended arrival, ms from the start of the run, ascending. Of a row with `afterRow`: the earliest. */
  readonly arrivalMs: Float64Array;
  /** Closed loop: arrives `delayMs` after this earlier row has ended; -1: at `arrivalMs`. */
  readonly afterRow: Int32Array;
  /** Time to think or to call a tool between the end of `afterRow` and the arrival, ms. */
  readonly delayMs: Float64Array;
  readonly promptTokens: Uint32Array;
  /** Tokens that the server will generate, at least 1. Policies do not see it. */
  readonly outputTokens: Uint32Array;
  /** What the client names as its bound (max_tokens); 0: none. */
  readonly maxOutputTokens: Uint32Array;
  /** Index into `models`. */
  readonly model: Uint16Array;
  readonly models: readonly string[];
  /** Index into `adapters`; -1: the base model. */
  readonly adapter: Int16Array;
  readonly adapters: readonly string[];
  /** Greater is more important, below 0 may be shed. */
  readonly priority: Int32Array;
  /** Requests of one session share it; -1: a session of its own. */
  readonly session: Int32Array;
  /**
   * Ids of the prompt's leading full blocks of `blockTokens`: row i has `blocks[blockStart[i]]` up to `blockStart[i + 1]`
   * (excluded). Equal ids mean equal prefixes: an id covers the blocks before it. A row without blocks shares nothing. They may
   * go on into the answer where that is known, for prompts that come back with it; pickers see those of the prompt.
   */
  readonly blockStart: Uint32Array;
  readonly blocks: Uint32Array;
  /** Tokens a block: 512 of Mooncake, 16 of Qwen-Bailian and of generated loads. */
  readonly blockTokens: number;
}
