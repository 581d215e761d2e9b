import { readFileSync } from "node:fs";

/** The text of a file that a command was given. Throws an error of one line; `what`: its kind, "config" for one. */
export function readText(file: string, what?: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const named = what === undefined ? "" : `${what} `;
    throw new Error(`Cannot read ${named}"${file}": ${(error as Error).message}`, { cause: error });
  }
}
