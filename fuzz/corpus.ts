import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("corpus", import.meta.url));

/** A case that broke a promise once. */
export interface KnownCase {
  readonly file: string;
  readonly testCase: unknown;
}

/** The kept cases of a target, `fuzz/corpus/<target>/<what was wrong>.json`, by file name. */
export function corpusOf(target: string): KnownCase[] {
  const files = existsSync(join(folder, target)) ? readdirSync(join(folder, target)).toSorted() : [];
  return files.map((file) => ({
    file: `${target}/${file}`,
    testCase: JSON.parse(readFileSync(join(folder, target, file), "utf8")) as unknown,
  }));
}
