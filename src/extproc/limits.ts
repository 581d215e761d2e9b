/** Bounds on time and space; every one of them refuses with a status of its own (docs/errors.md). */
export interface ExchangeLimits {
  /** Largest request body in bytes; beyond it 413. Default 32 MiB. */
  readonly bodyBytes: number;
  /** Largest response body that is held back in bytes; a longer one is relayed as it comes. Default 32 MiB. */
  readonly heldResponseBytes: number;
  /** Bytes that all open streams hold together; beyond it 503, and responses are not held back. Default 512 MiB. */
  readonly bufferedBytes: number;
  /** Time from a request's headers to the last byte of its body; beyond it 408. Default 30 s. */
  readonly bodyDeadlineMs: number;
  /** Time between two messages of a body; beyond it 408. Default 10 s. */
  readonly idleGapMs: number;
}

const mebibyte = 1024 * 1024;

export const defaultLimits: ExchangeLimits = {
  bodyBytes: 32 * mebibyte,
  heldResponseBytes: 32 * mebibyte,
  bufferedBytes: 512 * mebibyte,
  bodyDeadlineMs: 30_000,
  idleGapMs: 10_000,
};
