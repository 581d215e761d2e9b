import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatYaml } from "../../../src/lib/yaml-text.ts";
import { createAuthority } from "../certificates.ts";
import { AdminClient } from "./admin-client.ts";
import { closedPort } from "../fake-model-server.ts";

const adminToken = "of-the-admin";
const startMs = 120_000;

/** etcd and kube-apiserver of a folder, on loopback, with TLS and RBAC; nothing else of a cluster is there. */
export class ControlPlane {
  readonly folder: string;
  readonly port: number;
  /** CA of the API server in PEM. */
  readonly ca: string;
  readonly admin: AdminClient;
  readonly #binaries: string;
  readonly #etcdPort: number;
  #etcd: ChildProcess | undefined;
  #apiServer: ChildProcess | undefined;

  private constructor(
    binaries: string,
    { folder, port, etcdPort, ca }: { folder: string; port: number; etcdPort: number; ca: string },
  ) {
    this.#binaries = binaries;
    this.folder = folder;
    this.port = port;
    this.#etcdPort = etcdPort;
    this.ca = ca;
    this.admin = new AdminClient({ port, ca, token: adminToken });
  }

  /** Starts both; `binaries` is the folder that has `etcd` and `kube-apiserver`. */
  static async start(binaries: string): Promise<ControlPlane> {
    const folder = mkdtempSync(join(tmpdir(), "epp-kube-"));
    const authority = await createAuthority();
    const { cert, key } = await authority.issue();
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
    write("tls.crt", cert);
    write("tls.key", key);
    write("service-accounts.key", privateKey.export({ type: "sec1", format: "pem" }).toString());
    write("tokens.csv", `${adminToken},admin,admin,system:masters\n`);
    const [port, etcdPort] = [await closedPort(), await closedPort()];
    const plane = new ControlPlane(binaries, { folder, port, etcdPort, ca: authority.cert });
    try {
      plane.#etcd = await plane.#startEtcd();
      await plane.startApiServer();
    } catch (error) {
      await plane.close();
      throw error;
    }
    return plane;
  }

  /** Writes a kubeconfig, and `ca.crt` beside it; `user`: what stands under `user:`. */
  writeKubeconfig(path: string, user: Readonly<Record<string, unknown>>): void {
    writeFileSync(join(dirname(path), "ca.crt"), this.ca);
    const server = `https://127.0.0.1:${this.port}`;
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "real", cluster: { server, "certificate-authority": "ca.crt" } }],
      users: [{ name: "picker", user }],
      contexts: [{ name: "real", context: { cluster: "real", user: "picker", namespace: "default" } }],
      "current-context": "real",
    };
    writeFileSync(path, formatYaml(config));
  }

  /** Writes one in which the admin acts as another user. */
  writeKubeconfigAs(path: string, as: string): void {
    this.writeKubeconfig(path, { token: adminToken, as });
  }

  /** Starts kube-apiserver and waits until it is ready. */
  async startApiServer(): Promise<void> {
    const file = (name: string): string => join(this.folder, name);
    this.#apiServer = this.#spawn("kube-apiserver", [
      `--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${this.port}`,
      `--tls-cert-file=${file("tls.crt")}`,
      `--tls-private-key-file=${file("tls.key")}`,
      `--cert-dir=${this.folder}`,
      `--token-auth-file=${file("tokens.csv")}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${file("service-accounts.key")}`,
      `--service-account-signing-key-file=${file("service-accounts.key")}`,
      "--service-cluster-ip-range=10.0.0.0/24",
      "--authorization-mode=RBAC",
      "--endpoint-reconciler-type=none",
      // Its controller is not there.
      "--disable-admission-plugins=ServiceAccount",
      "--shutdown-delay-duration=0s",
    ]);
    await this.#until(
      "kube-apiserver",
      this.#apiServer,
      async () => (await this.admin.ask("GET", "/readyz")).status === 200,
    );
  }

  async killApiServer(): Promise<void> {
    await end(this.#apiServer);
    this.#apiServer = undefined;
  }

  async close(): Promise<void> {
    await this.killApiServer();
    await end(this.#etcd);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #startEtcd(): Promise<ChildProcess> {
    const url = `http://127.0.0.1:${this.#etcdPort}`;
    const peerUrl = `http://127.0.0.1:${await closedPort()}`;
    const etcd = this.#spawn("etcd", [
      `--data-dir=${join(this.folder, "etcd")}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
    ]);
    await this.#until("etcd", etcd, async () => (await fetch(`${url}/health`)).ok);
    return etcd;
  }

  #spawn(name: string, args: readonly string[]): ChildProcess {
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const child = spawn(join(this.#binaries, name), args, { stdio: ["ignore", log, log] });
    closeSync(log);
    return child;
  }

  async #until(name: string, child: ChildProcess, isReady: () => Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + startMs;
    while (!(await isReady().catch(() => false))) {
      if (child.exitCode !== null || performance.now() > untilMs) {
        const tail = readFileSync(join(this.folder, `${name}.log`), "utf8").slice(-2_000);
        throw new Error(`Cannot start "${name}": exit code ${child.exitCode}, not ready; ${tail}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
