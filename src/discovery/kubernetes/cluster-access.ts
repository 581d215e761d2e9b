import { X509Certificate } from "node:crypto";
import { accessSync, readFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { KubeconfigError, type KubeconfigCluster, type KubeconfigUser, readCurrentContext } from "./kubeconfig-file.ts";

/** What a request is sent with. */
export interface Credentials {
  /** Authorization and impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined for a server without TLS. */
  readonly tls: TlsMaterial | undefined;
  /** Changes with `tls`. */
  readonly tlsKey: string;
}

/** What a connection is made with. */
export interface TlsMaterial {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized: boolean;
}

/** The way to one API server. */
export interface ClusterAccess {
  /** Without a slash at its end. */
  readonly url: string;
  /** Where it comes from, for logs: a path list, or the service account. */
  readonly origin: string;
  /** Namespace of the context or of the pod; undefined when there is none. */
  readonly namespace: string | undefined;
  /**
   * Reads token, certificates and CA from their files, or asks the exec plugin. `isForced`: nothing remembered counts.
   * Rejects with a `KubeconfigError` when something cannot be read.
   */
  read(isForced: boolean): Promise<Credentials>;
}

/** Where to look for a cluster. */
export interface AccessOptions {
  /** KUBECONFIG, HOME and what Kubernetes sets in pods are read from here. */
  readonly env: NodeJS.ProcessEnv;
  /** Folder of the pod's service account; default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly serviceAccountFolder?: string;
}

const defaultServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Finds the API server: the kubeconfig files of KUBECONFIG, else the pod's service account, else `~/.kube/config`. Loads
 * client-node, which takes half a second. Rejects with a `KubeconfigError`.
 */
export async function findCluster(options: AccessOptions): Promise<ClusterAccess> {
  const { env, serviceAccountFolder = defaultServiceAccountFolder } = options;
  const { KUBECONFIG: pathList, HOME: home, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (pathList) return fromKubeconfig(pathList);
  const tokenFile = join(serviceAccountFolder, "token");
  if (host && port && isThere(tokenFile)) {
    const url = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
    const cluster = { server: url, "certificate-authority": join(serviceAccountFolder, "ca.crt") };
    return access({
      origin: "service account",
      cluster,
      user: { tokenFile },
      namespace: readNamespace(serviceAccountFolder),
    });
  }
  const homeConfig = home ? join(home, ".kube", "config") : "";
  if (homeConfig !== "" && isThere(homeConfig)) return fromKubeconfig(homeConfig);
  throw new KubeconfigError(
    `Cannot find an API server: KUBECONFIG is not set, no service account in "${serviceAccountFolder}", no ~/.kube/config; expected one of them`,
  );
}

function fromKubeconfig(pathList: string): Promise<ClusterAccess> {
  return access({ origin: `kubeconfig "${pathList}"`, ...readCurrentContext(pathList) });
}

interface AccessSource {
  readonly origin: string;
  readonly cluster: KubeconfigCluster;
  readonly user: KubeconfigUser;
  readonly namespace: string | undefined;
}

async function access({ origin, cluster, user, namespace }: AccessSource): Promise<ClusterAccess> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const text = JSON.stringify(singleContext(cluster, user));
  const create = (): KubeConfig => {
    const config = new KubeConfig();
    config.loadFromString(text);
    return config;
  };
  // Plugins keep what they got for as long as it is valid; files are read anew each time.
  const isPlugin = user.exec !== undefined || (user["auth-provider"] !== undefined && user.tokenFile === undefined);
  let config = create();
  return {
    url: cluster.server.replace(/\/+$/, ""),
    origin,
    namespace,
    read: async (isForced) => {
      if (isForced || !isPlugin) config = create();
      try {
        const read = await readCredentials(config, cluster.server.startsWith("https:"));
        if (user.tokenFile !== undefined && read.headers["authorization"] === undefined) {
          throw new Error(`the token in "${user.tokenFile}" is empty, expected a token`);
        }
        return read;
      } catch (error) {
        throw new KubeconfigError(`Cannot use ${origin}: ${describe(error)}`);
      }
    },
  };
}

/** A kubeconfig of nothing but this cluster and user, in the form in which client-node does what kubectl does. */
function singleContext(cluster: KubeconfigCluster, user: KubeconfigUser): unknown {
  const { tokenFile, exec, ...rest } = user;
  const isPlain = cluster.server.startsWith("http:");
  return {
    clusters: [
      { name: "cluster", cluster: isPlain ? { ...cluster, "insecure-skip-tls-verify": true } : { ...cluster } },
    ],
    users: [
      {
        name: "user",
        user: {
          ...rest,
          ...(tokenFile === undefined
            ? {}
            : { token: undefined, "auth-provider": { name: "file", config: { tokenFile } } }),
          ...(exec === undefined ? {} : { exec: { ...exec, env: [...(exec.env ?? []), execInfo(exec.apiVersion)] } }),
        },
      },
    ],
    contexts: [{ name: "context", context: { cluster: "cluster", user: "user" } }],
    "current-context": "context",
  };
}

/** Plugins learn from this variable in which version to answer. */
function execInfo(apiVersion: string | undefined): unknown {
  const info = { apiVersion: apiVersion ?? "client.authentication.k8s.io/v1", kind: "ExecCredential" };
  return { name: "KUBERNETES_EXEC_INFO", value: JSON.stringify({ ...info, spec: { interactive: false } }) };
}

async function readCredentials(config: KubeConfig, isTls: boolean): Promise<Credentials> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    headers[name.toLowerCase()] = String(value).trimEnd();
  if (typeof options.auth === "string") {
    headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  }
  if (!isTls) return { headers, tls: undefined, tlsKey: "" };
  const tls: TlsMaterial = {
    ca: toBuffer(options.ca),
    cert: toBuffer(options.cert),
    key: toBuffer(options.key),
    servername: options.servername,
    rejectUnauthorized: options.rejectUnauthorized ?? true,
  };
  if (tls.ca !== undefined) checkCertificates("CA", tls.ca);
  if (tls.cert !== undefined) checkCertificates("client certificate", tls.cert);
  const tlsKey = [tls.ca, tls.cert, tls.key, tls.servername ?? "", `${tls.rejectUnauthorized}`].join("\n");
  return { headers, tls, tlsKey };
}

function toBuffer(material: unknown): Buffer | undefined {
  return typeof material === "string" ? Buffer.from(material) : Buffer.isBuffer(material) ? material : undefined;
}

/** Throws unless every certificate of the bundle can be read: TLS passes over what it cannot read. */
function checkCertificates(what: string, bundle: Buffer): void {
  const blocks = bundle.toString("latin1").match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error(`the ${what} has no certificate, expected PEM`);
  for (const [index, block] of blocks.entries()) {
    try {
      void new X509Certificate(block);
    } catch {
      throw new Error(`certificate ${index + 1} of the ${what} is not readable, expected PEM`);
    }
  }
}

function describe(error: unknown): string {
  const { code, path, message } = error as NodeJS.ErrnoException;
  const line = message.trim().split("\n", 1)[0] ?? "";
  if (path === undefined) return line || "the exec plugin failed, expected an ExecCredential";
  return `${code === "ENOENT" ? "no file" : `${code} for`} "${path}", expected a readable file`;
}

function readNamespace(folder: string): string | undefined {
  const path = join(folder, "namespace");
  return isThere(path) ? readFileSync(path, "utf8").trim() : undefined;
}

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}
