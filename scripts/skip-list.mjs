import { relative } from "node:path";

/**
 * Collects skipped tests from the events of node:test.
 * @param {string} root folder that file names are printed relative to
 */
export function createSkipList(root) {
  /** @type {{ file: string, name: string, reason: string }[]} */
  const skipped = [];
  return {
    /** Takes the data of a `test:pass` event. */
    add: ({ name, skip, file }) => {
      if (skip === undefined || skip === false) return;
      const reason = typeof skip === "string" && skip !== "" ? skip : "no reason given";
      skipped.push({ file: file === undefined ? "" : relative(root, file), name, reason });
    },
    /** What was skipped and why, one line a test; or that nothing was. */
    format: () => {
      if (skipped.length === 0) return "Skipped: nothing\n";
      const lines = skipped.map(({ file, name, reason }) => `  ${file}: ${name}: ${reason}\n`);
      return `Skipped: ${skipped.length}\n${lines.join("")}`;
    },
  };
}
