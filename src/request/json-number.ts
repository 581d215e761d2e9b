const start = 0;
const minus = 1;
const zero = 2;
const integer = 3;
const point = 4;
const fraction = 5;
const exponentMark = 6;
const exponentSign = 7;
const exponent = 8;

/** Reads one JSON number cut anywhere, in constant memory whatever its length. */
export class NumberScanner {
  #state = start;
  #negative = false;
  #mantissa = 0;
  #fractionDigits = 0;
  #exponent = 0;
  #exponentNegative = false;

  /** Forgets the last number. */
  begin(): void {
    this.#state = start;
    this.#negative = false;
    this.#mantissa = 0;
    this.#fractionDigits = 0;
    this.#exponent = 0;
    this.#exponentNegative = false;
  }

  /** Index of the first byte from `from` on that is no part of the number; the length of `bytes` when all are. */
  scan(bytes: Uint8Array, from: number): number {
    for (let i = from; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      const isDigit = byte >= 0x30 && byte <= 0x39;
      if (!(isDigit ? this.#digit(byte - 0x30) : this.#sign(byte))) return i;
    }
    return bytes.length;
  }

  /** What was read so far is a whole number of JSON's grammar. */
  get complete(): boolean {
    return this.#state === integer || this.#state === zero || this.#state === fraction || this.#state === exponent;
  }

  /** Exact for integers up to 2^53, else rounded; Infinity or NaN when a part is out of a double's range. */
  get value(): number {
    if (this.#mantissa === 0) return 0;
    const scale = (this.#exponentNegative ? -this.#exponent : this.#exponent) - this.#fractionDigits;
    const size = scale < 0 ? this.#mantissa / 10 ** -scale : this.#mantissa * 10 ** scale;
    return this.#negative ? -size : size;
  }

  #digit(digit: number): boolean {
    switch (this.#state) {
      case integer:
        this.#mantissa = this.#mantissa * 10 + digit;
        return true;
      case start:
      case minus:
        this.#state = digit === 0 ? zero : integer;
        this.#mantissa = digit;
        return true;
      case zero:
        return false;
      case point:
      case fraction:
        this.#state = fraction;
        this.#mantissa = this.#mantissa * 10 + digit;
        this.#fractionDigits++;
        return true;
      default:
        this.#state = exponent;
        this.#exponent = this.#exponent * 10 + digit;
        return true;
    }
  }

  #sign(byte: number): boolean {
    switch (byte) {
      case 0x2d: // -
        return this.#minus();
      case 0x2b: // +
        return this.#move(this.#state === exponentMark, exponentSign);
      case 0x2e: // .
        return this.#move(this.#state === integer || this.#state === zero, point);
      case 0x45: // E
      case 0x65: // e
        return this.#move(this.#state === integer || this.#state === zero || this.#state === fraction, exponentMark);
      default:
        return false;
    }
  }

  #minus(): boolean {
    if (this.#state === start) {
      this.#negative = true;
      return this.#move(true, minus);
    }
    this.#exponentNegative ||= this.#state === exponentMark;
    return this.#move(this.#state === exponentMark, exponentSign);
  }

  #move(allowed: boolean, state: number): boolean {
    if (allowed) this.#state = state;
    return allowed;
  }
}
