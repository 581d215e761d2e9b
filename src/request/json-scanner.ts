import { ByteSink, type ByteTarget } from "./byte-sink.ts";
import { type JsonLimits, requestLimits } from "./json-limits.ts";
import { LiteralScanner } from "./json-literal.ts";
import { NumberScanner } from "./json-number.ts";
import { StringScanner } from "./json-string.ts";
import {
  type ArrayVisitor,
  describeByte,
  type JsonProblem,
  type JsonType,
  type ObjectVisitor,
  type StringTarget,
  type ValueVisitor,
} from "./json-visitor.ts";

// States of the scanner; those from `inString` on are within a token.
const atValue = 0;
const atFirstElement = 1;
const atFirstKey = 2;
const atKey = 3;
const atColon = 4;
const afterValue = 5;
const atEnd = 6;
const inString = 7;
const inNumber = 8;
const inLiteral = 9;

const expectedAt: readonly string[] = [
  "a JSON value",
  'a JSON value or "]"',
  'a key or "}"',
  "a key",
  '":"',
  '"," or the end of the array or object',
  "the end of the document",
  "the end of the string",
  "a digit",
  "the rest of a literal",
];

/**
 * Reads one JSON document from bytes cut anywhere, without building a tree and without keeping the document: RFC 8259
 * grammar, strict UTF-8, no byte order mark, bounded depth and keys. What a value means is up to the visitors.
 */
export class JsonScanner {
  readonly #limits: JsonLimits;
  readonly #strings = new StringScanner();
  readonly #numbers = new NumberScanner();
  readonly #literals = new LiteralScanner();
  readonly #objects: (ObjectVisitor | undefined)[] = [];
  readonly #arrays: (ArrayVisitor | undefined)[] = [];
  /** By depth: 1 when the container is an object. */
  readonly #isObject: Uint8Array;
  readonly #key: ByteSink;
  #depth = 0;
  #keys = 0;
  #state = atValue;
  /** Offset in the document of the piece being scanned. */
  #offset = 0;
  #next: ValueVisitor | undefined;
  #stringTarget: StringTarget | undefined;
  #stringIsKey = false;
  #stringStart = 0;
  #raw: ByteTarget | undefined;
  #rawDepth = 0;
  #rawFrom = 0;
  #problem: JsonProblem | undefined;

  /** `root` takes the document's value; undefined only checks it. */
  constructor(root: ValueVisitor | undefined, limits: JsonLimits = requestLimits) {
    this.#next = root;
    this.#limits = limits;
    this.#isObject = new Uint8Array(limits.depth + 1);
    this.#key = new ByteSink(limits.keyBytes);
  }

  /** Scans the next piece. False once the document is known to be unacceptable; later pieces are then ignored. */
  push(bytes: Uint8Array): boolean {
    if (this.#problem !== undefined) return false;
    this.#rawFrom = 0;
    let i = 0;
    while (i < bytes.length && this.#problem === undefined) {
      i = this.#state < inString ? this.#scanStructure(bytes, i) : this.#scanToken(bytes, i);
    }
    this.#raw?.append(bytes, this.#rawFrom, bytes.length);
    this.#offset += bytes.length;
    return this.#problem === undefined;
  }

  /** Ends the document. Undefined when it was one acceptable JSON value, else the first problem. */
  end(): JsonProblem | undefined {
    if (this.#problem === undefined && this.#state === inNumber) this.#endNumber(noBytes, 0);
    if (this.#problem === undefined && this.#state !== atEnd) {
      this.#fail(0, expectedAt[this.#state] as string, "the end of the document");
    }
    return this.#problem;
  }

  #scanStructure(bytes: Uint8Array, from: number): number {
    let i = from;
    while (isSpace(bytes[i] as number)) i++;
    if (i >= bytes.length) return bytes.length;
    const byte = bytes[i] as number;
    switch (this.#state) {
      case atValue:
        return this.#beginValue(bytes, i);
      case atFirstElement:
        return byte === 0x5d ? this.#close(bytes, i) : this.#beginElement(bytes, i);
      case atFirstKey:
        return byte === 0x7d ? this.#close(bytes, i) : this.#beginKey(byte, i);
      case atKey:
        return this.#beginKey(byte, i);
      case atColon:
        return byte === 0x3a ? this.#enter(atValue, i) : this.#unexpected(byte, i);
      case afterValue:
        return this.#scanSeparator(bytes, i);
      default:
        return this.#unexpected(byte, i);
    }
  }

  #enter(state: number, i: number): number {
    this.#state = state;
    return i + 1;
  }

  #scanSeparator(bytes: Uint8Array, i: number): number {
    const byte = bytes[i] as number;
    const isObject = this.#isObject[this.#depth] === 1;
    if (byte === (isObject ? 0x7d : 0x5d)) return this.#close(bytes, i);
    if (byte !== 0x2c) return this.#unexpected(byte, i);
    if (isObject) return this.#enter(atKey, i);
    this.#next = this.#arrays[this.#depth]?.element();
    return this.#enter(atValue, i);
  }

  #beginElement(bytes: Uint8Array, i: number): number {
    this.#next = this.#arrays[this.#depth]?.element();
    return this.#beginValue(bytes, i);
  }

  #beginKey(byte: number, i: number): number {
    if (byte !== 0x22) return this.#unexpected(byte, i);
    if (++this.#keys > this.#limits.keys) return this.#fail(i, `at most ${this.#limits.keys} keys`, "another key");
    this.#key.truncate(0);
    this.#beginString(this.#objects[this.#depth] === undefined ? undefined : this.#key, true, i);
    return i + 1;
  }

  #beginValue(bytes: Uint8Array, i: number): number {
    const visitor = this.#next;
    if (visitor?.raw !== undefined) this.#beginRaw(visitor.raw, i);
    const byte = bytes[i] as number;
    switch (byte) {
      case 0x22:
        this.#beginString(this.#visitString(visitor, i), false, i);
        return i + 1;
      case 0x7b:
        return this.#openObject(visitor, i);
      case 0x5b:
        return this.#openArray(visitor, i);
      case 0x74:
        return this.#beginLiteral("true", i);
      case 0x66:
        return this.#beginLiteral("false", i);
      case 0x6e:
        return this.#beginLiteral("null", i);
      default:
        return this.#beginNumber(byte, i);
    }
  }

  #beginRaw(target: ByteTarget, i: number): void {
    this.#raw = target;
    this.#rawDepth = this.#depth;
    this.#rawFrom = i;
  }

  #visitString(visitor: ValueVisitor | undefined, i: number): StringTarget | undefined {
    if (visitor?.string !== undefined) return visitor.string(this.#offset + i);
    this.#mismatch(visitor, "a string", i);
    return undefined;
  }

  #mismatch(visitor: ValueVisitor | undefined, found: JsonType, i: number): void {
    visitor?.mismatch?.(found, this.#offset + i);
  }

  #openObject(visitor: ValueVisitor | undefined, i: number): number {
    if (!this.#deepen(1, i)) return i;
    if (visitor !== undefined && visitor.object === undefined) this.#mismatch(visitor, "an object", i);
    this.#objects[this.#depth] = visitor?.object?.();
    return this.#enter(atFirstKey, i);
  }

  #openArray(visitor: ValueVisitor | undefined, i: number): number {
    if (!this.#deepen(0, i)) return i;
    if (visitor !== undefined && visitor.array === undefined) this.#mismatch(visitor, "an array", i);
    this.#arrays[this.#depth] = visitor?.array?.();
    return this.#enter(atFirstElement, i);
  }

  #deepen(isObject: number, i: number): boolean {
    if (this.#depth === this.#limits.depth) {
      this.#fail(i, `at most ${this.#limits.depth} nested values`, "another");
      return false;
    }
    this.#depth++;
    this.#isObject[this.#depth] = isObject;
    return true;
  }

  #close(bytes: Uint8Array, i: number): number {
    const depth = this.#depth;
    const closed = this.#isObject[depth] === 1 ? this.#objects[depth] : this.#arrays[depth];
    this.#depth--;
    closed?.end?.();
    this.#endValue(bytes, i + 1);
    return i + 1;
  }

  /** A value ended just before index `i`. */
  #endValue(bytes: Uint8Array, i: number): void {
    this.#state = this.#depth === 0 ? atEnd : afterValue;
    if (this.#raw === undefined || this.#depth !== this.#rawDepth) return;
    this.#raw.append(bytes, this.#rawFrom, i);
    this.#raw = undefined;
  }

  #scanToken(bytes: Uint8Array, from: number): number {
    if (this.#state === inString) return this.#scanString(bytes, from);
    if (this.#state === inLiteral) return this.#scanLiteral(bytes, from);
    const i = this.#numbers.scan(bytes, from);
    if (i < bytes.length) this.#endNumber(bytes, i);
    return i;
  }

  #beginString(target: StringTarget | undefined, isKey: boolean, i: number): void {
    this.#strings.begin(target);
    this.#stringTarget = target;
    this.#stringIsKey = isKey;
    this.#stringStart = this.#offset + i;
    this.#state = inString;
  }

  #scanString(bytes: Uint8Array, from: number): number {
    const i = this.#strings.scan(bytes, from);
    const problem = this.#strings.problem;
    if (problem !== undefined) return this.#fail(problem.index, problem.expected, problem.found);
    if (this.#stringIsKey) return this.#scanKey(i);
    if (this.#strings.closed) {
      this.#stringTarget?.end?.(this.#offset + i, this.#strings.replaced);
      this.#endValue(bytes, i);
    }
    return i;
  }

  #scanKey(i: number): number {
    if (this.#offset + i - this.#stringStart > this.#limits.keyBytes + 2) {
      return this.#fail(i, `a key of at most ${this.#limits.keyBytes} bytes`, "a longer one");
    }
    if (this.#strings.closed) {
      this.#next = this.#objects[this.#depth]?.member(this.#key.text());
      this.#state = atColon;
    }
    return i;
  }

  #beginLiteral(text: string, i: number): number {
    this.#literals.begin(text);
    this.#state = inLiteral;
    return i;
  }

  #scanLiteral(bytes: Uint8Array, from: number): number {
    const i = this.#literals.scan(bytes, from);
    if (this.#literals.complete) this.#endLiteral(bytes, i);
    else if (i < bytes.length) {
      const { text, read } = this.#literals;
      return this.#fail(i, JSON.stringify(text), describeByte(bytes[i] as number, read));
    }
    return i;
  }

  #endLiteral(bytes: Uint8Array, i: number): void {
    const visitor = this.#next;
    const { text } = this.#literals;
    const type = text === "null" ? "null" : "a boolean";
    if (type === "null" && visitor?.null !== undefined) visitor.null();
    else if (type === "a boolean" && visitor?.boolean !== undefined) visitor.boolean(text === "true");
    else this.#mismatch(visitor, type, i - text.length);
    this.#endValue(bytes, i);
  }

  #beginNumber(byte: number, i: number): number {
    if (byte !== 0x2d && !(byte >= 0x30 && byte <= 0x39)) return this.#unexpected(byte, i);
    this.#numbers.begin();
    this.#state = inNumber;
    const visitor = this.#next;
    if (visitor !== undefined && visitor.number === undefined) this.#mismatch(visitor, "a number", i);
    return i;
  }

  #endNumber(bytes: Uint8Array, i: number): void {
    if (!this.#numbers.complete) {
      const found = i < bytes.length ? describeByte(bytes[i] as number) : "the end of the document";
      this.#fail(i, expectedAt[inNumber] as string, found);
      return;
    }
    this.#next?.number?.(this.#numbers.value);
    this.#endValue(bytes, i);
  }

  #unexpected(byte: number, i: number): number {
    return this.#fail(i, expectedAt[this.#state] as string, describeByte(byte));
  }

  #fail(i: number, expected: string, found: string): number {
    this.#problem = { position: this.#offset + i, expected, found };
    this.#raw = undefined;
    return i;
  }
}

const noBytes = new Uint8Array(0);

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
