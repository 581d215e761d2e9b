import { constants, type FileHandle, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { LineSink } from "./recorder.ts";

/** How much a recording may take. */
export interface RecordingLimits {
  /** A file that has reached it is followed by another. */
  readonly fileBytes: number;
  /** Of all files of the folder; the oldest are removed. */
  readonly totalBytes: number;
  /** Lines that wait for the disk; more are dropped. */
  readonly waitingBytes: number;
}

/** 64 MiB a file, 1 GiB in all, 8 MiB waiting. */
export const defaultRecordingLimits: RecordingLimits = {
  fileBytes: 67_108_864,
  totalBytes: 1_073_741_824,
  waitingBytes: 8_388_608,
};

/** What the files take from outside. */
export interface RecordingFilesOptions {
  readonly folder: string;
  /** Name of the recording, the beginning of its files' names. */
  readonly recording: string;
  readonly limits: RecordingLimits;
  readonly clock: Clock;
  /** Lines that begin file `file`, counted from 1. */
  readonly begin: (file: number) => readonly string[];
  /** A file could not be written; lines are dropped until another one can. Called once for each failure. */
  readonly failed: (error: Error) => void;
}

/** What was written and what was not. */
export interface RecordingState {
  readonly bytes: number;
  readonly lines: number;
  readonly droppedLines: number;
}

/** Time between two writes, and after a failure. */
const flushMs = 250;
const retryMs = 1_000;
/** Written at once when so much waits. */
const chunkBytes = 262_144;
const suffix = ".ndjson";

/**
 * Writes lines to files `RECORDING-00001.ndjson` and so on, readable by the owner alone. Writing never waits: what the disk
 * does not take in time is dropped and counted, and a line says how many are missing.
 */
export class RecordingFiles implements LineSink {
  readonly #options: RecordingFilesOptions;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #handle: FileHandle | undefined;
  #fileBytes = 0;
  #files = 0;
  #bytes = 0;
  #lines = 0;
  #droppedLines = 0;
  /** Dropped since the last line that said so. */
  #untold = 0;
  #writing: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #isClosed = false;
  #retryAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: RecordingFilesOptions) {
    this.#options = options;
  }

  /** Makes the folder and the first file. Rejects with one line when that is not possible. */
  static async open(options: RecordingFilesOptions): Promise<RecordingFiles> {
    const files = new RecordingFiles(options);
    try {
      await mkdir(options.folder, { recursive: true, mode: 0o700 });
      await files.#openNext();
    } catch (error) {
      const found = (error as Error).message;
      throw new Error(`Cannot record to "${options.folder}": ${found}, expected a folder to write to`, {
        cause: error,
      });
    }
    return files;
  }

  get state(): RecordingState {
    return { bytes: this.#bytes, lines: this.#lines, droppedLines: this.#droppedLines };
  }

  write(line: string): void {
    // One byte a character, but for a few names: near enough for a limit.
    if (this.#isClosed || this.#waitingBytes + line.length > this.#options.limits.waitingBytes) {
      this.#drop(1);
      return;
    }
    if (this.#untold > 0) this.#tellDropped();
    this.#waiting.push(line);
    this.#waitingBytes += line.length + 1;
    if (this.#waitingBytes >= chunkBytes) this.#flush();
    else this.#cancel ??= this.#options.clock.after(flushMs, () => this.#flush());
  }

  /** Writes what waits, and no more afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#untold > 0) this.#tellDropped();
    this.#flush();
    while (this.#writing !== undefined) await this.#writing;
    await this.#handle?.close().catch(() => {});
    this.#handle = undefined;
  }

  #drop(lines: number): void {
    this.#untold += lines;
    this.#droppedLines += lines;
  }

  #tellDropped(): void {
    this.#waiting.push(`{"kind":"dropped","lines":${this.#untold}}`);
    this.#untold = 0;
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#writing !== undefined || this.#waiting.length === 0) return;
    this.#writing = this.#writeWaiting().finally(() => {
      this.#writing = undefined;
      if (this.#waitingBytes >= chunkBytes || (this.#isClosed && this.#waiting.length > 0)) this.#flush();
      else if (this.#waiting.length > 0) this.#cancel ??= this.#options.clock.after(flushMs, () => this.#flush());
    });
  }

  async #writeWaiting(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    try {
      if (this.#handle === undefined) await this.#reopen();
      const bytes = Buffer.from(`${lines.join("\n")}\n`);
      await this.#handle?.writeFile(bytes);
      this.#fileBytes += bytes.length;
      this.#bytes += bytes.length;
      this.#lines += lines.length;
      if (this.#fileBytes >= this.#options.limits.fileBytes && !this.#isClosed) await this.#rotate();
    } catch (error) {
      this.#drop(lines.length);
      await this.#giveUp(error as Error);
    } finally {
      this.#waitingBytes = this.#waiting.reduce((sum, { length }) => sum + length + 1, 0);
    }
  }

  /** After a failure: another file, but not again and again. */
  async #reopen(): Promise<void> {
    if (this.#options.clock.nowMs() < this.#retryAtMs) throw new Error("the disk is given a rest");
    await this.#openNext();
  }

  async #giveUp(error: Error): Promise<void> {
    const { clock, failed } = this.#options;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => {});
    if (clock.nowMs() < this.#retryAtMs) return;
    this.#retryAtMs = clock.nowMs() + retryMs;
    failed(error);
  }

  async #rotate(): Promise<void> {
    const before = this.#handle;
    this.#handle = undefined;
    await before?.close();
    await this.#openNext();
    await this.#removeOldest();
  }

  async #openNext(): Promise<void> {
    const { folder, recording, begin } = this.#options;
    const file = this.#files + 1;
    const name = `${recording}-${String(file).padStart(5, "0")}${suffix}`;
    const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const handle = await open(join(folder, name), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    this.#files = file;
    this.#handle = handle;
    const bytes = Buffer.from(
      begin(file)
        .map((line) => `${line}\n`)
        .join(""),
    );
    await handle.writeFile(bytes);
    this.#fileBytes = bytes.length;
  }

  /** Recordings of the folder, this one's and older ones', within their limit; the file being written stays. */
  async #removeOldest(): Promise<void> {
    const { folder, limits } = this.#options;
    const names = (await readdir(folder)).filter((name) => name.endsWith(suffix)).toSorted();
    const files = await Promise.all(
      names.map(async (name) => {
        const { size, mtimeMs } = await stat(join(folder, name));
        return { name, size, mtimeMs };
      }),
    );
    let total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { name, size } of files.toSorted((a, b) => a.mtimeMs - b.mtimeMs).slice(0, -1)) {
      if (total <= limits.totalBytes) return;
      await rm(join(folder, name), { force: true });
      total -= size;
    }
  }
}
