import type { ByteTarget } from "./byte-sink.ts";

/** What to do with one length-delimited value: read it as a message, as bytes or text, or as packed varints. */
export type ProtoValue =
  | { readonly message: MessageVisitor }
  | { readonly bytes: ByteTarget }
  | { readonly packed: (value: number) => void };

/** What to do with the fields of one protobuf message, in the order of the bytes. Fields it does not ask for are skipped. */
export interface MessageVisitor {
  /** A varint: exact up to 2^53, else rounded; a negative number is read as the unsigned one of the same bits. */
  number?(field: number, value: number): void;
  /** A length-delimited value; undefined skips it. */
  value?(field: number): ProtoValue | undefined;
}

interface Frame {
  /** Offset behind the last byte of this message. */
  readonly end: number;
  readonly visitor: MessageVisitor;
}

// States of the scanner.
const atTag = 0;
const inVarint = 1;
const atLength = 2;
const inBytes = 3;
const inPacked = 4;

/** 64 bits in groups of 7. */
const maxVarintBytes = 10;
const maxField = 536_870_911;

/**
 * Reads one protobuf message from bytes cut anywhere, without keeping it. Wire types and lengths are checked; what a field
 * means is up to the visitors. Lengths are compared, never used to size memory, and only visited messages cost depth.
 */
export class ProtoScanner {
  readonly #frames: Frame[];
  #state = atTag;
  #field = 0;
  #offset = 0;
  #valueEnd = 0;
  #varint = 0;
  #varintBytes = 0;
  #value: ProtoValue | undefined;
  #isBroken = false;

  /** `length`: bytes of the whole message. */
  constructor(length: number, visitor: MessageVisitor) {
    this.#frames = [{ end: length, visitor }];
    this.#endField();
  }

  /** Scans `bytes[from, to)`. False once the message is known to be broken; later bytes are then ignored. */
  push(bytes: Uint8Array, from: number, to: number): boolean {
    let i = from;
    while (i < to && !this.#isBroken) {
      i = this.#state === inBytes ? this.#takeBytes(bytes, i, to) : this.#takeVarint(bytes, i, to);
    }
    return !this.#isBroken;
  }

  /** The bytes so far were one whole message. */
  get isWhole(): boolean {
    return !this.#isBroken && this.#frames.length === 0;
  }

  #takeBytes(bytes: Uint8Array, from: number, to: number): number {
    const end = Math.min(to, from + (this.#valueEnd - this.#offset));
    if (this.#value !== undefined && "bytes" in this.#value) this.#value.bytes.append(bytes, from, end);
    this.#offset += end - from;
    if (this.#offset === this.#valueEnd) this.#endField();
    return end;
  }

  #takeVarint(bytes: Uint8Array, from: number, to: number): number {
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      this.#offset++;
      this.#varint += (byte & 0x7f) * 2 ** (7 * this.#varintBytes++);
      if (byte >= 0x80) {
        if (this.#varintBytes < maxVarintBytes) continue;
        this.#isBroken = true;
        return to;
      }
      const value = this.#varint;
      this.#varint = 0;
      this.#varintBytes = 0;
      this.#endVarint(value);
      return i + 1;
    }
    return to;
  }

  #endVarint(value: number): void {
    switch (this.#state) {
      case atTag:
        return this.#beginField(Math.floor(value / 8), value % 8);
      case inVarint:
        this.#frames.at(-1)?.visitor.number?.(this.#field, value);
        return this.#endField();
      case atLength:
        return this.#beginValue(value);
      default:
        if (this.#value !== undefined && "packed" in this.#value) this.#value.packed(value);
        if (this.#offset > this.#valueEnd) this.#isBroken = true;
        else if (this.#offset === this.#valueEnd) this.#endField();
    }
  }

  /** Groups, long gone from the format, are not read: only proto2 has them. */
  #beginField(field: number, wireType: number): void {
    this.#field = field;
    this.#value = undefined;
    if (field < 1 || field > maxField || this.#frames.length === 0) this.#isBroken = true;
    else if (wireType === 0) this.#state = inVarint;
    else if (wireType === 2) this.#state = atLength;
    else if (wireType === 1) this.#beginBytes(8);
    else if (wireType === 5) this.#beginBytes(4);
    else this.#isBroken = true;
  }

  #beginValue(length: number): void {
    const visitor = this.#frames.at(-1)?.visitor;
    this.#beginBytes(length);
    if (this.#isBroken) return;
    const value = visitor?.value?.(this.#field);
    this.#value = value;
    if (value !== undefined && "message" in value) {
      this.#frames.push({ end: this.#valueEnd, visitor: value.message });
      this.#endField();
    } else if (length === 0) {
      this.#endField();
    } else if (value !== undefined && "packed" in value) {
      this.#state = inPacked;
    }
  }

  #beginBytes(length: number): void {
    this.#state = inBytes;
    this.#valueEnd = this.#offset + length;
    const end = this.#frames.at(-1)?.end ?? 0;
    if (this.#valueEnd > end) this.#isBroken = true;
  }

  /** A field ended, and with it every message that ends here. */
  #endField(): void {
    this.#state = atTag;
    let last = this.#frames.at(-1);
    while (last !== undefined && last.end === this.#offset) {
      this.#frames.pop();
      last = this.#frames.at(-1);
    }
    if (last !== undefined && this.#offset > last.end) this.#isBroken = true;
  }
}
