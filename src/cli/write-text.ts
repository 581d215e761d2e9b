import { writeFileSync } from "node:fs";

/** Writes a file that a command was given. Throws an error of one line. */
export function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new Error(`Cannot write "${file}": ${(error as Error).message}`, { cause: error });
  }
}
