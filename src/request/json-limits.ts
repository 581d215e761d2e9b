/** Bounds of what a document may ask of the scanner. */
export interface JsonLimits {
  /** Objects and arrays within one another. */
  readonly depth: number;
  /** Keys in the whole document. */
  readonly keys: number;
  /** Bytes of one key as written, quotes not counted. */
  readonly keyBytes: number;
}

/** For request bodies (reliability T06). */
export const requestLimits: JsonLimits = { depth: 64, keys: 100_000, keyBytes: 4096 };
