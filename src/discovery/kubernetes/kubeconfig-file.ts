import { readFileSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { decodeDocument, formatProblems } from "../../lib/document.ts";
import { z } from "../../lib/schema.ts";

/** There is no usable way to the API server; the message is one line. */
export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
}

const text = z.string().min(1);
/** A key with nothing behind it is as good as none. */
const maybe = <S extends z.ZodType>(schema: S) =>
  schema
    .nullish()
    .transform((value) => value ?? undefined)
    .optional();
const cluster = z.looseObject({
  server: text,
  "certificate-authority": maybe(text),
  "proxy-url": maybe(z.string()),
});
const user = z.looseObject({
  tokenFile: maybe(text),
  "client-certificate": maybe(text),
  "client-key": maybe(text),
  "auth-provider": maybe(z.looseObject({ name: text })),
  exec: maybe(z.looseObject({ command: text, apiVersion: maybe(text), env: maybe(z.array(z.unknown())) })),
});
const context = z.looseObject({ cluster: text, user: maybe(text), namespace: maybe(text) });
const schema = z.looseObject({
  "current-context": maybe(text),
  clusters: maybe(z.array(z.looseObject({ name: text, cluster }))),
  contexts: maybe(z.array(z.looseObject({ name: text, context }))),
  users: maybe(z.array(z.looseObject({ name: text, user: maybe(user) }))),
});

type Kubeconfig = z.infer<typeof schema>;
export type KubeconfigCluster = z.infer<typeof cluster>;
export type KubeconfigUser = z.infer<typeof user>;

/** What the current context of the kubeconfig files says. */
export interface CurrentContext {
  readonly name: string;
  readonly cluster: KubeconfigCluster;
  /** Empty where the context names no user. */
  readonly user: KubeconfigUser;
  /** Undefined when the context names none. */
  readonly namespace: string | undefined;
}

/**
 * Reads the kubeconfig files of a path list as kubectl does: of entries with the same name the first counts, files that are
 * missing are passed over while one is there, and relative paths start at the file that has them. Throws a
 * `KubeconfigError` for whatever keeps the current context from being used.
 */
export function readCurrentContext(pathList: string): CurrentContext {
  const files = pathList.split(delimiter).filter((path) => path !== "");
  const configs = files
    .map((path) => readConfig(path, files.length === 1))
    .filter((config): config is Kubeconfig => config !== undefined);
  const where = `kubeconfig "${pathList}"`;
  if (configs.length === 0) throw new KubeconfigError(`Cannot read ${where}: no such file, expected a kubeconfig`);
  const contexts = configs.flatMap(({ contexts }) => contexts ?? []);
  const name = configs.map((config) => config["current-context"]).find((name) => name !== undefined && name !== "");
  if (name === undefined) {
    throw new KubeconfigError(`Cannot use ${where}: no current-context, expected ${oneOf(contexts)}`);
  }
  const find = <T extends { readonly name: string }>(what: string, all: readonly T[], wanted: string): T => {
    const found = all.find((entry) => entry.name === wanted);
    if (found !== undefined) return found;
    throw new KubeconfigError(`Cannot use ${where}: ${what} "${wanted}" is not there, expected ${oneOf(all)}`);
  };
  const { context } = find("context", contexts, name);
  const clusters = configs.flatMap(({ clusters }) => clusters ?? []);
  const users = configs.flatMap(({ users }) => users ?? []);
  const found = {
    name,
    cluster: find("cluster", clusters, context.cluster).cluster,
    user: context.user === undefined ? {} : (find("user", users, context.user).user ?? {}),
    namespace: context.namespace,
  };
  checkCluster(where, context.cluster, found.cluster);
  return found;
}

function readConfig(path: string, isOnly: boolean): Kubeconfig | undefined {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !isOnly) return undefined;
    const found = code === "ENOENT" ? "no such file" : message;
    throw new KubeconfigError(`Cannot read kubeconfig "${path}": ${found}, expected a kubeconfig`);
  }
  const decoded = decodeDocument(content, { file: path, schema });
  if (decoded.kind === "invalid") {
    const [first, ...others] = decoded.problems;
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
    throw new KubeconfigError(`Cannot use kubeconfig "${path}": ${first ? formatProblems([first]) : "empty"}${more}`);
  }
  return withAbsolutePaths(decoded.value, dirname(path));
}

function withAbsolutePaths(config: Kubeconfig, folder: string): Kubeconfig {
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(folder, path));
  const replace = <T extends object>(entry: T, keys: readonly (keyof T)[]): T => {
    const changed = { ...entry };
    for (const key of keys) {
      const path = entry[key];
      if (typeof path === "string") changed[key] = absolute(path) as T[keyof T];
    }
    return changed;
  };
  return {
    ...config,
    clusters: config.clusters?.map((entry) => ({
      ...entry,
      cluster: replace(entry.cluster, ["certificate-authority"]),
    })),
    users: config.users?.map((entry) => {
      if (entry.user === undefined) return entry;
      const user = replace(entry.user, ["tokenFile", "client-certificate", "client-key"]);
      // A command without a folder is looked up on PATH.
      const isPath = user.exec?.command.includes("/") ?? false;
      return {
        ...entry,
        user: user.exec !== undefined && isPath ? { ...user, exec: replace(user.exec, ["command"]) } : user,
      };
    }),
  };
}

function checkCluster(where: string, name: string, cluster: KubeconfigCluster): void {
  const fail = (found: string, expected: string): never => {
    throw new KubeconfigError(`Cannot use ${where}: cluster "${name}" has ${found}, expected ${expected}`);
  };
  if (!/^https?:$/.test(URL.canParse(cluster.server) ? new URL(cluster.server).protocol : "")) {
    fail(`server "${cluster.server}"`, "an http or https URL");
  }
  if (cluster["proxy-url"] !== undefined)
    fail(`proxy-url "${cluster["proxy-url"]}"`, "none: proxies are not supported");
}

function oneOf(entries: readonly { readonly name: string }[]): string {
  if (entries.length === 0) return "entries, found none";
  return `one of ${entries.map(({ name }) => `"${name}"`).join(", ")}`;
}
