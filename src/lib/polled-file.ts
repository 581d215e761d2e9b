import { readFile, stat } from "node:fs/promises";
import type { Clock } from "./clock.ts";
import { formatProblems, type Problem } from "./document.ts";

/** Longest file that is read (protocol 4.5). */
export const maxFileBytes = 1024 * 1024;

/** A file whose content cannot be used, with everything that is wrong with it. */
export class UnusableFileError extends Error {
  override readonly name = "UnusableFileError";
  readonly problems: readonly Problem[];

  /** `what`: the kind of file in words, "endpoints file" for one. */
  constructor(what: string, path: string, problems: readonly Problem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super(`Cannot use ${what} "${path}": ${count}\n${formatProblems(problems)}`);
    this.problems = problems;
  }
}

/** What a watched file is and who hears of it. */
export interface PolledFileOptions {
  /** The kind of file in words, for messages: "endpoints file". */
  readonly what: string;
  readonly path: string;
  readonly clock: Clock;
  /** Time between two looks at the file; default 1000. */
  readonly pollMs?: number | undefined;
  /** Takes over a content; throws, having changed nothing, when it cannot be used. */
  readonly take: (text: string) => void;
  /** A changed content was taken over. */
  readonly onTaken: () => void;
  /** A changed content cannot be used, or the file cannot be read any more; called once for each. The last good one stays. */
  readonly onRejected: (message: string) => void;
}

const defaultPollMs = 1_000;

/**
 * A file that is kept in force. Its content is compared every `pollMs`, which sees every way of replacing a file, also the
 * swapped links of a ConfigMap.
 */
export class PolledFile {
  readonly #options: PolledFileOptions;
  /** Content, or failure to read it, that was dealt with last. */
  #seen = "";
  #isClosed = false;
  #cancel: () => void = () => {};

  constructor(options: PolledFileOptions) {
    this.#options = options;
  }

  /** Reads and takes the content for the first time; rejects when the file cannot be read, or with what `take` throws. */
  async read(): Promise<void> {
    this.#seen = await this.#readText();
    this.#options.take(this.#seen);
  }

  /** Begins to watch for changes. */
  watch(): void {
    const { clock, pollMs = defaultPollMs } = this.#options;
    if (!this.#isClosed) this.#cancel = clock.after(pollMs, () => void this.#poll());
  }

  /** Stops watching. Nobody is told of anything afterwards. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  async #poll(): Promise<void> {
    let seen: string;
    let failure: unknown;
    try {
      seen = await this.#readText();
    } catch (error) {
      failure = error;
      seen = String(error);
    }
    if (this.#isClosed) return;
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#reload(seen, failure);
    }
    this.watch();
  }

  #reload(text: string, failure: unknown): void {
    const { take, onTaken, onRejected } = this.#options;
    try {
      if (failure !== undefined) throw failure;
      take(text);
    } catch (error) {
      return onRejected(error instanceof Error ? error.message : String(error));
    }
    onTaken();
  }

  /** The text of the file; rejects with a message that names it when it cannot be read, is too long or not UTF-8. */
  async #readText(): Promise<string> {
    const { what, path } = this.#options;
    const fail = (found: string, expected: string, cause?: unknown): never => {
      throw new Error(`Cannot read ${what} "${path}": ${found}, expected ${expected}`, { cause });
    };
    try {
      const { size } = await stat(path);
      if (size > maxFileBytes) fail(`${size} bytes`, `at most ${maxFileBytes}`);
      return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error)) throw error;
      const isText = error.code !== "ERR_ENCODING_INVALID_ENCODED_DATA";
      return fail(
        isText ? error.message : "bytes that are not UTF-8",
        isText ? "a readable file" : "UTF-8 text",
        error,
      );
    }
  }
}

/** The problem of a text that is longer than a file may be; undefined when it is not. */
export function checkLength(text: string, file: string): Problem | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxFileBytes) return undefined;
  const message = `the file has ${bytes} bytes, expected at most ${maxFileBytes}`;
  return { file, line: 1, column: 1, path: "", message };
}
