const headerBytes = 5;

/** What to do with the frames of a gRPC body. */
export interface FrameVisitor {
  /** A frame begins. `flags`: 0 plain, 1 compressed. `length`: bytes of its message, as the sender claims. False ends the reading. */
  begin(flags: number, length: number): boolean;
  /** Bytes of the message, only valid during the call. False ends the reading. */
  bytes(source: Uint8Array, from: number, to: number): boolean;
  /** All bytes of the message were there. */
  end(): void;
}

/**
 * Cuts a gRPC body, which may come cut anywhere, into its frames: a byte of flags, the length in 4 bytes, big-endian, the
 * message. Nothing is kept and no length is trusted.
 */
export class GrpcFrames {
  readonly #visitor: FrameVisitor;
  readonly #header = new Uint8Array(headerBytes);
  #headerRead = 0;
  #left = 0;
  #isEnded = false;

  constructor(visitor: FrameVisitor) {
    this.#visitor = visitor;
  }

  /** Takes the next piece. False once the visitor ended the reading; later pieces are then ignored. */
  push(chunk: Uint8Array): boolean {
    let i = 0;
    while (i < chunk.length && !this.#isEnded) {
      i = this.#headerRead < headerBytes ? this.#takeHeader(chunk, i) : this.#takeMessage(chunk, i);
    }
    return !this.#isEnded;
  }

  /** The pieces so far end with a whole frame, or there were none. */
  get isAtBorder(): boolean {
    return this.#headerRead === 0;
  }

  #takeHeader(chunk: Uint8Array, from: number): number {
    this.#header[this.#headerRead++] = chunk[from] as number;
    if (this.#headerRead < headerBytes) return from + 1;
    const length = new DataView(this.#header.buffer).getUint32(1);
    this.#left = length;
    this.#isEnded = !this.#visitor.begin(this.#header[0] as number, length);
    if (length === 0) this.#endFrame();
    return from + 1;
  }

  #takeMessage(chunk: Uint8Array, from: number): number {
    const to = Math.min(chunk.length, from + this.#left);
    this.#left -= to - from;
    if (!this.#visitor.bytes(chunk, from, to)) this.#isEnded = true;
    else if (this.#left === 0) this.#endFrame();
    return to;
  }

  #endFrame(): void {
    this.#headerRead = 0;
    if (!this.#isEnded) this.#visitor.end();
  }
}
