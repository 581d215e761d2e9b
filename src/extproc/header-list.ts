/**
 * The headers of one message in the host's order, multiplicity kept. Names are lower-cased; values stay bytes until asked
 * for, since most are never read.
 */
export class HeaderList {
  readonly #names: string[] = [];
  readonly #values: Buffer[] = [];

  /** Appends one header; `value` is kept, not copied. */
  add(name: string, value: Buffer): void {
    this.#names.push(name.toLowerCase());
    this.#values.push(value);
  }

  /** Value of the last header called `name` (lower case) as text, undefined when there is none. */
  get(name: string): string | undefined {
    const at = this.#names.lastIndexOf(name);
    return at === -1 ? undefined : this.#values[at]?.toString("utf8");
  }

  /** Values of every header called `name` (lower case) as text, in order. */
  all(name: string): string[] {
    return this.entries().flatMap(([key, value]) => (key === name ? [value.toString("utf8")] : []));
  }

  /** True when a header called `name` (lower case) is there, whatever its value. */
  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /** Names in order, repeated ones repeated. */
  names(): readonly string[] {
    return this.#names;
  }

  /** `[name, value]` pairs in order. */
  entries(): [string, Buffer][] {
    return this.#names.map((name, at) => [name, this.#values[at] ?? Buffer.alloc(0)]);
  }
}
