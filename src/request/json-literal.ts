/** Matches one of JSON's words, `true`, `false` or `null`, cut anywhere. */
export class LiteralScanner {
  #text = "";
  #matched = 0;

  /** Starts before the first letter of `text`. */
  begin(text: string): void {
    this.#text = text;
    this.#matched = 0;
  }

  /** The whole word. */
  get text(): string {
    return this.#text;
  }

  /** What was matched of it. */
  get read(): string {
    return this.#text.slice(0, this.#matched);
  }

  get complete(): boolean {
    return this.#matched === this.#text.length;
  }

  /** Index behind the word, of the first byte that does not match, or the length of `bytes` when the word goes on. */
  scan(bytes: Uint8Array, from: number): number {
    let i = from;
    while (i < bytes.length && !this.complete && bytes[i] === this.#text.charCodeAt(this.#matched)) {
      i++;
      this.#matched++;
    }
    return i;
  }
}
