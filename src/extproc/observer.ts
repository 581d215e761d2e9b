/** Who a request is, as labels see it. */
export interface RequestLabels {
  /** As the client asked; "" for passthrough. */
  readonly modelName: string;
  readonly targetModelName: string;
  readonly fairnessId: string;
  readonly priority: number;
}

/** What is known of an exchange when its response has ended; sizes in bytes, times in milliseconds. */
export interface ExchangeSummary {
  readonly durationMs: number;
  /** Headers to first body byte of the response; undefined when there was none. */
  readonly ttftMs: number | undefined;
  readonly responseBytes: number;
  readonly streaming: boolean;
  /** Status of the response, undefined when no response headers came. */
  readonly status: number | undefined;
  readonly promptTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

/** Where a decision went. */
export interface PickedEndpoint {
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
}

/** What an exchange reports while it lives; telemetry implements it. */
export interface ExchangeObserver {
  streamOpened(): void;
  streamClosed(): void;
  /** A message that the protocol does not allow, or that nobody knows. `reason` is from a closed list. */
  illegalMessage(reason: IllegalReason): void;
  /** A request is decided on its headers alone, because the host keeps the body in this mode. */
  degradedPick(mode: "none" | "streamed" | "grpc" | "buffered-partial"): void;
  /** A request got its destination. `decisionMs`: end of the body to the answer. */
  routed(request: RequestLabels, requestBytes: number, decisionMs: number, picked: PickedEndpoint): void;
  /** A request was refused with `code`; `attempted` says that scheduling was tried. */
  rejected(request: RequestLabels, code: string, attempted: boolean): void;
  /** A chunk of a streamed response came `gapMs` after the one before. */
  chunk(request: RequestLabels, gapMs: number): void;
  /** The response is complete. */
  completed(request: RequestLabels, summary: ExchangeSummary): void;
  /** The stream of a routed request ended, whatever the way. */
  closed(request: RequestLabels): void;
}

export type IllegalReason = "unknown-message" | "out-of-order" | "malformed" | "observability-mode" | "unread-answers";
