import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { connectApiServer } from "../../../src/discovery/kubernetes/api-client.ts";
import type { ApiServer } from "../../../src/discovery/kubernetes/api-server.ts";
import { metadataOf } from "../../../src/discovery/kubernetes/kubernetes-object.ts";
import type { ObjectSink } from "../../../src/discovery/kubernetes/object-sink.ts";
import type { ReflectorObserver } from "../../../src/discovery/kubernetes/reflector-observer.ts";
import {
  type Reflector,
  type ReflectorOptions,
  type ReflectorTimes,
  startReflector,
} from "../../../src/discovery/kubernetes/reflector.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { createRandom } from "../../../src/lib/random.ts";

/** Times that make a real fault pass in a moment. */
export const shortTimes: Partial<ReflectorTimes> = {
  watchSeconds: [1, 2],
  watchdogMs: 300,
  shortWatchMs: 20,
  backoffMs: [10, 100],
  healthyMs: 1_000,
  pageTimeoutMs: 1_000,
  absentMs: 150,
};

/** What a test keeps of an object. */
export interface SeenObject {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly isReady: boolean | undefined;
}

/** A sink that shows what it was told. */
export class RecordingSink implements ObjectSink<SeenObject> {
  readonly objects = new Map<string, SeenObject>();
  /** `reset N`, `upsert NAME`, `remove NAME`, in order. */
  readonly calls: string[] = [];

  reset(objects: readonly SeenObject[]): void {
    this.objects.clear();
    for (const object of objects) this.objects.set(object.uid, object);
    this.calls.push(`reset ${objects.length}`);
  }

  upsert(object: SeenObject): void {
    this.objects.set(object.uid, object);
    this.calls.push(`upsert ${object.name}`);
  }

  remove(object: SeenObject): void {
    this.objects.delete(object.uid);
    this.calls.push(`remove ${object.name}`);
  }

  /** Names in order, those that are not ready in brackets. */
  get names(): string[] {
    const name = (object: SeenObject): string => (object.isReady === false ? `(${object.name})` : object.name);
    return [...this.objects.values()].map(name).toSorted();
  }
}

/** An observer that shows what it was told. */
export class RecordingObserver implements ReflectorObserver {
  lists = 0;
  watches = 0;
  words = 0;
  drift = 0;
  isClosed = false;
  /** `REASON: DETAIL` of every failure. */
  readonly failures: string[] = [];

  listed(): void {
    this.lists++;
  }
  watching(): void {
    this.watches++;
  }
  heard(): void {
    this.words++;
  }
  failed(_kind: string, reason: string, detail: string): void {
    this.failures.push(`${reason}: ${detail}`);
  }
  drifted(_kind: string, objects: number): void {
    this.drift += objects;
  }
  closed(): void {
    this.isClosed = true;
  }

  /** Number of failures for a reason. */
  count(reason: string): number {
    return this.failures.filter((failure) => failure.startsWith(`${reason}:`)).length;
  }
}

/** Keeps of an object what `RecordingSink` shows. */
export function seenObject(object: unknown): SeenObject {
  const { name, uid, resourceVersion } = metadataOf(object) as Record<string, string>;
  const { status } = object as { status?: { conditions?: readonly { type: string; status: string }[] } };
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const isReady = ready === undefined ? undefined : ready.status === "True";
  return { name: name ?? "", uid: uid ?? "", resourceVersion: resourceVersion ?? "", isReady };
}

/** A reflector with all that it talks to. */
export interface ReflectorRig {
  readonly sink: RecordingSink;
  readonly observer: RecordingObserver;
  readonly reflector: Reflector;
}

/** Follows the pods of namespace "default" with label `app=vllm`, unless told otherwise; ends with the test. */
export function reflectPods(
  t: TestContext,
  api: ApiServer,
  { times, ...options }: Partial<ReflectorOptions<SeenObject>> = {},
): ReflectorRig {
  const [sink, observer] = [new RecordingSink(), new RecordingObserver()];
  const reflector = startReflector({
    api,
    kind: "pods",
    path: "/api/v1/namespaces/default/pods",
    selectors: { labelSelector: "app=vllm" },
    project: seenObject,
    sink,
    observer,
    clock: systemClock,
    random: createRandom(1),
    times: { ...shortTimes, ...times },
    ...options,
  });
  t.after(() => reflector.close());
  return { sink, observer, reflector };
}

/** A folder that goes with the test. */
export function aFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "epp-kube-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Connects with a kubeconfig that lies at `path`; ends with the test. */
export async function connect(
  t: TestContext,
  path: string,
  { clock = systemClock, problems = [] }: { readonly clock?: Clock; readonly problems?: string[] } = {},
): Promise<ApiServer> {
  const env = { KUBECONFIG: path };
  const api = await connectApiServer({ env, clock, onCredentialsProblem: (message) => problems.push(message) });
  t.after(() => api.close());
  return api;
}

/** A server that writes its kubeconfig. */
interface KubeconfigWriter {
  writeKubeconfig(path: string, traits?: { readonly user?: Readonly<Record<string, unknown>> }): void;
}

/** A client of a fake server, with the token of a file if there is one. */
export async function connectTo(
  t: TestContext,
  server: KubeconfigWriter,
  { token, problems = [] }: { readonly token?: string; readonly problems?: string[] } = {},
): Promise<{ readonly api: ApiServer; readonly tokenFile: string }> {
  const folder = aFolder(t);
  const tokenFile = join(folder, "token");
  if (token !== undefined) writeFileSync(tokenFile, `${token}\n`);
  const path = join(folder, "config");
  server.writeKubeconfig(path, token === undefined ? {} : { user: { tokenFile } });
  return { api: await connect(t, path, { problems }), tokenFile };
}
