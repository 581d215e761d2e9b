import { wireType } from "./proto-reader.ts";

/**
 * Writes a protobuf message from its last field to its first: a nested message's length is then known when its prefix is
 * written, with no second pass. Call the methods in reverse field order; `finish()` returns the message and resets.
 */
export class ReverseWriter {
  #buffer = Buffer.allocUnsafe(2048);
  #at = 2048;

  bytes(field: number, value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#at);
    this.#prefix(field, value.length);
  }

  text(field: number, value: string): void {
    const length = Buffer.byteLength(value, "utf8");
    this.#reserve(length);
    this.#buffer.write(value, this.#at, "utf8");
    this.#prefix(field, length);
  }

  double(field: number, value: number): void {
    this.#reserve(8);
    this.#buffer.writeDoubleLE(value, this.#at);
    this.#varint(field * 8 + wireType.fixed64);
  }

  varint(field: number, value: number): void {
    this.#varint(value);
    this.#varint(field * 8 + wireType.varint);
  }

  /** A nested message whose fields `write` writes, in reverse too. */
  message(field: number, write: () => void): void {
    const before = this.#buffer.length - this.#at;
    write();
    this.#writeHead(field, this.#buffer.length - this.#at - before);
  }

  /** Copies the message out and makes the writer ready for the next. */
  finish(): Buffer {
    const message = Buffer.from(this.#buffer.subarray(this.#at));
    this.#at = this.#buffer.length;
    return message;
  }

  #prefix(field: number, length: number): void {
    this.#writeHead(field, length);
  }

  #writeHead(field: number, length: number): void {
    this.#varint(length);
    this.#varint(field * 8 + wireType.bytes);
  }

  #varint(value: number): void {
    const length = varintLength(value);
    this.#reserve(length);
    writeVarint(this.#buffer, this.#at, value);
  }

  /** Makes room for `count` bytes and moves the position there. */
  #reserve(count: number): void {
    if (count > this.#at) this.#grow(count);
    this.#at -= count;
  }

  #grow(count: number): void {
    const used = this.#buffer.length - this.#at;
    const size = Math.max(this.#buffer.length * 2, used + count + 64);
    const larger = Buffer.allocUnsafe(size);
    this.#buffer.copy(larger, size - used, this.#at);
    this.#buffer = larger;
    this.#at = size - used;
  }
}

/** Bytes that `value` (0 to 2^53) takes as a varint. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

/** Writes `value` at `at` and returns the position after it. */
export function writeVarint(buffer: Buffer, at: number, value: number): number {
  let position = at;
  let rest = value;
  while (rest >= 128) {
    buffer[position++] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  buffer[position++] = rest;
  return position;
}
