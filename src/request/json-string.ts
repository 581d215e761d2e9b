import { copyBytes } from "./byte-sink.ts";
import { describeByte, type StringTarget } from "./json-visitor.ts";

const quote = 0x22;
const backslash = 0x5c;

/** 1 for the ASCII bytes that stand for themselves within a string. */
const isPlain = new Uint8Array(256);
for (let byte = 0x20; byte < 0x80; byte++) isPlain[byte] = byte === quote || byte === backslash ? 0 : 1;

/** What a one-letter escape stands for; 0 for letters that are none. */
const escapes = new Uint8Array(256);
for (const [letter, meaning] of ['""', "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"]) {
  escapes[(letter as string).charCodeAt(0)] = (meaning as string).charCodeAt(0);
}

const stageBytes = 1024;
/** Pieces up to this length are collected before they are handed on. */
const smallBytes = 64;
const replacement = 0xfffd;

/** What is wrong with a string, and where in the scanned piece. */
export interface StringProblem {
  readonly index: number;
  readonly expected: string;
  readonly found: string;
}

/**
 * Reads the inside of one JSON string cut anywhere, checks it (strict UTF-8, no control characters, known escapes) and
 * hands its unescaped UTF-8 to a target. A lone surrogate escape becomes U+FFFD, as Go's decoder and TextEncoder do.
 */
export class StringScanner {
  #target: StringTarget | undefined;
  #closed = false;
  #problem: StringProblem | undefined;
  /** 0 in text, 1 behind a backslash, 2 to 5 before that many hexadecimal digits less one. */
  #escape = 0;
  #codeUnit = 0;
  #highSurrogate = 0;
  #replaced = false;
  #continuations = 0;
  #lowest = 0x80;
  #highest = 0xbf;
  #stage: Uint8Array | undefined;
  #staged = 0;

  /** Starts behind an opening quote. Without a target the string is only checked. */
  begin(target: StringTarget | undefined): void {
    this.#target = target;
    this.#closed = false;
    this.#problem = undefined;
    this.#replaced = false;
  }

  /** The closing quote was read. */
  get closed(): boolean {
    return this.#closed;
  }

  /** A lone surrogate was read as U+FFFD. */
  get replaced(): boolean {
    return this.#replaced;
  }

  get problem(): StringProblem | undefined {
    return this.#problem;
  }

  /** Index behind the closing quote, of the offending byte, or the length of `bytes` when the string goes on. */
  scan(bytes: Uint8Array, from: number): number {
    let i = from;
    while (i < bytes.length && !this.#closed && this.#problem === undefined) {
      i = this.#escape === 0 ? this.#scanText(bytes, i) : this.#scanEscape(bytes, i);
    }
    this.#flush();
    return i;
  }

  #scanText(bytes: Uint8Array, from: number): number {
    if (this.#highSurrogate !== 0 && bytes[from] !== backslash) this.#settleSurrogate();
    let i = this.#continuations > 0 ? this.#scanUnicode(bytes, from) : from;
    const length = bytes.length;
    while (i < length && this.#problem === undefined) {
      while (i < length && isPlain[bytes[i] as number] === 1) i++;
      if (i === length) break;
      const byte = bytes[i] as number;
      if (byte >= 0x80) {
        i = this.#scanUnicode(bytes, i);
        continue;
      }
      this.#copy(bytes, from, i);
      if (byte === quote) this.#closed = true;
      else if (byte === backslash) this.#escape = 1;
      else return this.#fail(i, "an escaped control character", describeByte(byte));
      return i + 1;
    }
    this.#copy(bytes, from, i);
    return i;
  }

  /** Checks a run of bytes beyond ASCII as UTF-8 (Unicode, table 3-7); they are copied with the text around them. */
  #scanUnicode(bytes: Uint8Array, from: number): number {
    const length = bytes.length;
    let i = from;
    for (; i < length; i++) {
      const byte = bytes[i] as number;
      if (this.#continuations === 0) {
        if (byte < 0x80) return i;
        if (!this.#lead(byte)) return this.#fail(i, "UTF-8", describeByte(byte));
      } else {
        if (byte < this.#lowest || byte > this.#highest) return this.#fail(i, "UTF-8", "a broken sequence");
        this.#continuations--;
        this.#lowest = 0x80;
        this.#highest = 0xbf;
      }
    }
    return i;
  }

  #lead(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#continuations = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#lowest = 0xa0;
    else if (byte === 0xf0) this.#lowest = 0x90;
    else if (byte === 0xed) this.#highest = 0x9f;
    else if (byte === 0xf4) this.#highest = 0x8f;
    return true;
  }

  #scanEscape(bytes: Uint8Array, at: number): number {
    const byte = bytes[at] as number;
    if (this.#escape > 1) return this.#scanHex(byte, at);
    if (byte === 0x75) {
      this.#escape = 5;
      this.#codeUnit = 0;
      return at + 1;
    }
    const meaning = escapes[byte] as number;
    if (meaning === 0) return this.#fail(at, 'one of "\\/bfnrtu behind a backslash', "another byte");
    this.#escape = 0;
    this.#settleSurrogate();
    this.#emit(meaning);
    return at + 1;
  }

  #scanHex(byte: number, at: number): number {
    const digit = hexDigit(byte);
    if (digit < 0) return this.#fail(at, "four hexadecimal digits", "another byte");
    this.#codeUnit = this.#codeUnit * 16 + digit;
    this.#escape--;
    if (this.#escape === 1) {
      this.#escape = 0;
      this.#endCodeUnit(this.#codeUnit);
    }
    return at + 1;
  }

  #endCodeUnit(unit: number): void {
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (isLow && this.#highSurrogate !== 0) {
      this.#emit(0x10000 + (this.#highSurrogate - 0xd800) * 0x400 + (unit - 0xdc00));
      this.#highSurrogate = 0;
      return;
    }
    this.#settleSurrogate();
    this.#highSurrogate = unit >= 0xd800 && unit < 0xdc00 ? unit : 0;
    if (this.#highSurrogate !== 0) return;
    this.#replaced ||= isLow;
    this.#emit(isLow ? replacement : unit);
  }

  /** A high surrogate that turned out to be alone is replaced. */
  #settleSurrogate(): void {
    if (this.#highSurrogate === 0) return;
    this.#highSurrogate = 0;
    this.#replaced = true;
    this.#emit(replacement);
  }

  #emit(codePoint: number): void {
    if (this.#target === undefined) return;
    this.#stage ??= new Uint8Array(stageBytes);
    if (this.#staged + 4 > stageBytes) this.#flush();
    this.#staged = encodeUtf8(codePoint, this.#stage, this.#staged);
  }

  #copy(bytes: Uint8Array, from: number, to: number): void {
    if (this.#target === undefined || from >= to) return;
    if (this.#staged + (to - from) > stageBytes || to - from > smallBytes) this.#flush();
    if (to - from > smallBytes || this.#staged === 0) {
      this.#target.append(bytes, from, to);
      return;
    }
    this.#stage ??= new Uint8Array(stageBytes);
    copyBytes(bytes, from, to, this.#stage, this.#staged);
    this.#staged += to - from;
  }

  #flush(): void {
    if (this.#staged === 0 || this.#stage === undefined) return;
    this.#target?.append(this.#stage, 0, this.#staged);
    this.#staged = 0;
  }

  #fail(index: number, expected: string, found: string): number {
    this.#problem = { index, expected, found };
    return index;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Writes a code point (no surrogate) as UTF-8 to `target` at `at`; returns the index behind it. */
function encodeUtf8(codePoint: number, target: Uint8Array, at: number): number {
  let i = at;
  if (codePoint < 0x80) {
    target[i++] = codePoint;
    return i;
  }
  if (codePoint < 0x800) {
    target[i++] = 0xc0 | (codePoint >> 6);
  } else {
    if (codePoint < 0x10000) {
      target[i++] = 0xe0 | (codePoint >> 12);
    } else {
      target[i++] = 0xf0 | (codePoint >> 18);
      target[i++] = 0x80 | ((codePoint >> 12) & 0x3f);
    }
    target[i++] = 0x80 | ((codePoint >> 6) & 0x3f);
  }
  target[i++] = 0x80 | (codePoint & 0x3f);
  return i;
}
