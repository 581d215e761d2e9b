import { execFileSync } from "node:child_process";
import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
export const chart = join(root, "manifests/charts/inference-endpoint-picker");
export const valuesFolder = join(root, "test/fixtures/manifests/values");
export const goldenFolder = join(root, "test/fixtures/manifests/golden");

/** The values files that are rendered, without their ending. */
export const renderedCases = readdirSync(valuesFolder).map((file) => file.replace(/\.yaml$/, ""));

/**
 * Path of Helm: `HELM_BIN`, else `helm` on PATH; undefined when there is none.
 * @param {Readonly<Record<string, string | undefined>>} environment
 */
export function findHelm(environment) {
  const named = environment.HELM_BIN ?? "";
  if (named !== "") return named;
  return (environment.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "helm"))
    .find(isProgram);
}

/**
 * What `helm template` prints for the release `llm` in the namespace `serving`. Throws Helm's error.
 * @param {string} helm path of Helm
 * @param {readonly string[]} args further arguments, such as `-f FILE`
 */
export function renderChart(helm, args) {
  return execFileSync(helm, ["template", "llm", chart, "--namespace", "serving", ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
