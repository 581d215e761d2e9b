import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { constants, gunzipSync } from "node:zlib";

/** Longest text that is read; longer ones do not fit a string of the platform. */
const maxTextBytes = 512 * 1024 * 1024 - 32;

/** The text of a file. */
export interface TraceText {
  readonly text: string;
  /** The file was compressed and ends before its time. */
  readonly isCut: boolean;
}

/**
 * Reads the text of a file, gzipped or not; which it is shows in its first bytes. Of a gzipped file that was cut off, what there is.
 * Throws an error that names the file when it cannot be read, is no file, is no gzip though it begins like one, or has
 * more than 512 MiB of text.
 */
export function readTraceText(path: string): TraceText {
  const fail = (found: string, expected: string): never => {
    throw new Error(`Cannot read trace "${path}": ${found}, expected ${expected}`);
  };
  let bytes: Buffer;
  try {
    bytes = readRegularFile(path, fail);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return fail(code === "ENOENT" ? "there is no such file" : code, "a readable file");
  }
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const { content, isCut } = isGzip ? unzip(bytes, fail) : { content: bytes, isCut: false };
  if (content.length > maxTextBytes) fail(`${content.length} bytes`, `at most ${maxTextBytes}`);
  const from = content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf ? 3 : 0;
  return { text: content.toString("utf8", from), isCut };
}

type Fail = (found: string, expected: string) => never;

function readRegularFile(path: string, fail: Fail): Buffer {
  const file = openSync(path, "r");
  try {
    const { size, isFile } = describe(file);
    if (!isFile) fail("no regular file", "a file");
    if (size > maxTextBytes) fail(`${size} bytes`, `at most ${maxTextBytes}`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function describe(file: number): { readonly size: number; readonly isFile: boolean } {
  const stat = fstatSync(file);
  return { size: stat.size, isFile: stat.isFile() };
}

function unzip(bytes: Buffer, fail: Fail): { readonly content: Buffer; readonly isCut: boolean } {
  const maxOutputLength = maxTextBytes + 1;
  try {
    return { content: gunzipSync(bytes, { maxOutputLength }), isCut: false };
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") fail("more text than that once unzipped", `at most ${maxTextBytes} bytes`);
    if (code !== "Z_BUF_ERROR") fail("gzip data that is damaged", "a whole gzip file");
  }
  const content = gunzipSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH });
  return { content, isCut: true };
}
