/** Bounds of one exchange; every one of them refuses with its own status. */
export interface ExchangeLimits {
  /** Largest request body in bytes; beyond it 413. Default 32 MiB. */
  readonly bodyBytes: number;
  /** Largest response body that is held back in bytes; a longer one is relayed as it comes. Default 32 MiB. */
  readonly heldResponseBytes: number;
}

export const defaultLimits: ExchangeLimits = {
  bodyBytes: 32 * 1024 * 1024,
  heldResponseBytes: 32 * 1024 * 1024,
};
