/** The bytes are no protobuf message of the expected shape. The stream they came on ends; others go on. */
export class MalformedMessageError extends Error {
  override readonly name = "MalformedMessageError";
}

/** Wire types of protobuf: varint, 64-bit, length-delimited, 32-bit. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Walks the fields of one protobuf message inside a buffer without copying. `next()` moves to a field and tells its
 * number; then exactly one of `varint`, `bytes`, `text`, `double`, `message` or `skip` must be called. All throw
 * MalformedMessageError for what is cut short or of another wire type.
 */
export class ProtoReader {
  readonly #buffer: Buffer;
  readonly #end: number;
  #at: number;
  #wire = 0;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.#buffer = buffer;
    this.#at = start;
    this.#end = end;
  }

  /** Number of the next field, 0 at the end of the message. */
  next(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.#readVarint();
    this.#wire = tag & 7;
    const field = tag >>> 3;
    if (field === 0) throw this.#malformed("field number 0");
    return field;
  }

  /** A varint below 2^53. */
  varint(): number {
    this.#expect(wireType.varint);
    return this.#readVarint();
  }

  bool(): boolean {
    return this.varint() !== 0;
  }

  double(): number {
    this.#expect(wireType.fixed64);
    this.#need(8);
    const value = this.#buffer.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  /** A view on the bytes; it shares the message's memory. */
  bytes(): Buffer {
    const end = this.#endOfDelimited();
    const view = this.#buffer.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  /** A UTF-8 string; bytes that are not UTF-8 are malformed, as protobuf demands of `string` fields. */
  text(): string {
    const view = this.bytes();
    if (isAscii(view)) return view.toString("latin1");
    try {
      return utf8.decode(view);
    } catch {
      throw this.#malformed("a string that is not UTF-8");
    }
  }

  /** A reader over the nested message. */
  message(): ProtoReader {
    const end = this.#endOfDelimited();
    const nested = new ProtoReader(this.#buffer, this.#at, end);
    this.#at = end;
    return nested;
  }

  /** Passes over a field that nobody reads. */
  skip(): void {
    switch (this.#wire) {
      case wireType.varint:
        this.#readVarint();
        return;
      case wireType.fixed64:
        this.#need(8);
        this.#at += 8;
        return;
      case wireType.bytes:
        this.#at = this.#endOfDelimited();
        return;
      case wireType.fixed32:
        this.#need(4);
        this.#at += 4;
        return;
      default:
        throw this.#malformed(`wire type ${this.#wire}`);
    }
  }

  #endOfDelimited(): number {
    this.#expect(wireType.bytes);
    const length = this.#readVarint();
    this.#need(length);
    return this.#at + length;
  }

  #readVarint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      this.#need(1);
      const byte = this.#buffer[this.#at++] as number;
      // Multiplication instead of shifts: a shift wraps at 32 bits.
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw this.#malformed("a varint of more than 10 bytes");
  }

  #need(count: number): void {
    if (this.#at + count > this.#end) throw this.#malformed(`${this.#end - this.#at} bytes left, expected ${count}`);
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) throw this.#malformed(`wire type ${this.#wire}, expected ${wire}`);
  }

  #malformed(found: string): MalformedMessageError {
    return new MalformedMessageError(`Cannot read ext_proc message: found ${found} at byte ${this.#at}`);
  }
}

function isAscii(view: Buffer): boolean {
  for (let at = 0; at < view.length; at++) if ((view[at] as number) > 0x7f) return false;
  return true;
}
