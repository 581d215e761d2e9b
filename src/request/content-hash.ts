import type { ByteTarget } from "./byte-sink.ts";

/** FNV-1a, 32 bit, of bytes that come in pieces: tells images apart for cache affinity, nothing more. */
export class ContentHash implements ByteTarget {
  #value = 0;

  reset(): void {
    this.#value = 0x811c9dc5;
  }

  append(source: Uint8Array, from: number, to: number): void {
    let value = this.#value;
    for (let i = from; i < to; i++) value = Math.imul(value ^ (source[i] as number), 0x01000193);
    this.#value = value;
  }

  /** `<type:hash>`, which stands in a prompt for what is no text. */
  placeholder(type: string): Uint8Array {
    return Buffer.from(`<${type}:${(this.#value >>> 0).toString(16).padStart(8, "0")}>`);
  }
}
