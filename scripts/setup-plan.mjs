/** Oldest Node that runs the project, as in package.json `engines`. */
const oldestNode = [20, 19];

/**
 * What set-up knows before it does anything.
 * @typedef {object} SetupFacts
 * @property {string} nodeVersion `process.versions.node`
 * @property {string} lockHash hash of package-lock.json
 * @property {string | undefined} stampedHash hash that the last installation of set-up left in node_modules
 * @property {number | undefined} installedAtMs when npm last finished an installation
 * @property {number} lockAtMs when package-lock.json was last written
 * @property {number} sourcesAtMs when the newest source file was last written
 * @property {number | undefined} builtAtMs when dist was last built
 */

/**
 * Why this Node cannot run the project, as one line; undefined when it can.
 * @param {string} nodeVersion
 * @returns {string | undefined}
 */
export function refuseNode(nodeVersion) {
  const [major = 0, minor = 0] = nodeVersion.split(".").map(Number);
  const isRecent = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  if (isRecent) return undefined;
  return `Cannot run with Node "${nodeVersion}": expected ${oldestNode.join(".")} or newer; install it from https://nodejs.org`;
}

/**
 * What is missing. An installation builds as well, so it is never followed by a build.
 * An `npm ci` done by hand leaves no stamp; it counts when it ended after the lock file was written.
 * @param {SetupFacts} facts
 * @returns {"install" | "build" | "nothing"}
 */
export function planSetup(facts) {
  const isInstalled =
    facts.installedAtMs !== undefined &&
    (facts.stampedHash === facts.lockHash ||
      (facts.stampedHash === undefined && facts.installedAtMs >= facts.lockAtMs));
  if (!isInstalled) return "install";
  return facts.builtAtMs === undefined || facts.builtAtMs < facts.sourcesAtMs ? "build" : "nothing";
}

/**
 * What a failed npm printed, as one line on what to do.
 * @param {string} action
 * @param {string} output
 * @returns {string}
 */
export function explainFailedNpm(action, output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network/i.test(output)) {
    return `Cannot ${action}: no way to the npm registry; connect to the network and try again`;
  }
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !/A complete log of this run/.test(line));
  return `Cannot ${action}:\n${lines.slice(0, 20).join("\n")}`;
}
