import type { TestContext } from "node:test";
import { startFakeApiServer } from "../fake-api-server.ts";
import { type KubeObject, pathOf, resourceOf } from "./resources.ts";
import { aFolder } from "./reflector-rig.ts";
import { join } from "node:path";
import { writeFileSync } from "node:fs";

/** What the suite of `cluster-suite.ts` does to a cluster, real or fake. */
export interface SuiteCluster {
  /** Kubeconfig of the picker: a token file, rights in the namespace "default". */
  readonly kubeconfig: string;
  /** Creates an object; of a pod the status too. */
  create(object: KubeObject): Promise<void>;
  /** Merges a patch into an object, or into its status. */
  patch(object: KubeObject, patch: unknown, subresource?: "status"): Promise<void>;
  remove(object: KubeObject): Promise<void>;
  /** Takes the picker's rights away, or gives them back. */
  setRights(areGranted: boolean): Promise<void>;
  /** Puts a new token into the file and ends the old one. */
  replaceToken(): Promise<void>;
  /** Kills the API server. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** While it is killed or before: makes versions that watches have seen too old once it is back. */
  forget(): Promise<void>;
  /** Makes the kind InferenceObjective of `llm-d.ai` known. */
  installObjectives(): Promise<void>;
}

/** The fake API server as a cluster of the suite. */
export async function fakeCluster(t: TestContext): Promise<SuiteCluster> {
  const server = await startFakeApiServer(t);
  const folder = aFolder(t);
  const [kubeconfig, tokenFile] = [join(folder, "config"), join(folder, "token")];
  let tokens = 0;
  const newToken = (): void => {
    const token = `token-${tokens++}`;
    server.authorizations.clear();
    server.authorizations.add(`Bearer ${token}`);
    writeFileSync(tokenFile, token);
  };
  newToken();
  server.absent.add("inferenceobjectives.llm-d.ai");
  server.writeKubeconfig(kubeconfig, { user: { tokenFile } });
  return {
    kubeconfig,
    create: async (object) => void server.store.create(object),
    patch: async (object, patch) => void server.patch(object, patch),
    remove: async (object) => server.remove(object),
    setRights: async (areGranted) => {
      if (areGranted) server.forbidden.clear();
      else server.forbidden.add("*");
    },
    replaceToken: async () => newToken(),
    kill: () => server.kill(),
    start: () => server.start(),
    forget: async () => {
      server.store.skipVersions(10);
      server.store.compact();
    },
    installObjectives: async () => server.absent.clear(),
  };
}

/** Path of an object on any API server. */
export function objectPath(object: KubeObject): string {
  return pathOf(resourceOf(object), object.metadata.namespace ?? "", object.metadata.name);
}
