import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of a file of this package, given from the package's root; the same from sources and from `dist`. */
export function packageFile(...parts: string[]): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`Cannot find the package's root above "${import.meta.url}"`);
    folder = parent;
  }
  return join(folder, ...parts);
}
