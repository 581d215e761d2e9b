import type { EndpointSpec } from "../../datastore/endpoint.ts";
import type { ApiServer } from "./api-server.ts";
import { type PoolSource, poolVersion } from "./cluster-pool.ts";
import { connectionFailure } from "./connection-failure.ts";
import { formatSelector, type InferencePool, readInferencePool } from "./inference-pool.ts";
import { field, listAt, textAt } from "./json-fields.ts";
import { listPages } from "./list-pages.ts";
import { ineligibilityOf } from "./pod-endpoints.ts";
import { PodMembership, type PodRefusal } from "./pod-membership.ts";
import { type Pod, readPod } from "./pod.ts";
import { ReflectorFault } from "./reflector-fault.ts";

/** Why a pod that the pool selects has no endpoint. */
export type Exclusion =
  | { readonly kind: "terminating" | "no-address" | "no-active-port" }
  /** `detail`: reason and message of its condition Ready, "" without any. */
  | { readonly kind: "not-ready"; readonly detail: string }
  | { readonly kind: "refused"; readonly reason: PodRefusal };

/** A pod that the pool selects. */
export interface CountedPod {
  readonly name: string;
  readonly namespace: string;
  readonly ip: string | undefined;
  readonly serviceAccount: string | undefined;
  readonly endpoints: readonly EndpointSpec[];
  /** Undefined for one that has endpoints. */
  readonly exclusion: Exclusion | undefined;
}

/**
 * The InferencePool as it is there.
 * - `absent`: the API server does not know the kind
 * - `missing`: there is none of the name; `others` are the names of those that are there, at most 20
 * - `unanswered`: it could not be asked for
 */
export type CountedPool =
  | { readonly kind: "ok"; readonly pool: InferencePool }
  | { readonly kind: "missing"; readonly others: readonly string[] }
  | { readonly kind: "terminating" | "absent" }
  | { readonly kind: "invalid" | "unanswered"; readonly problem: string };

/** A pod, and what of it the picker does not keep. */
interface ListedPod {
  readonly pod: Pod;
  readonly isTerminating: boolean;
  readonly readyDetail: string;
}

/** Who may be a member. */
export interface CensusRules {
  readonly maxPods: number;
  readonly refusalOf: (pod: Pod) => PodRefusal | undefined;
}

const pageTimeoutMs = 10_000;
const maxOthers = 20;

/** Asks for the pool, as the picker does. Never rejects. */
export async function findPool(api: ApiServer, namespace: string, source: PoolSource): Promise<CountedPool> {
  if (source.kind === "given") return { kind: "ok", pool: source.pool };
  const path = `/apis/${source.group}/${poolVersion}/namespaces/${namespace}/inferencepools`;
  try {
    const query = { fieldSelector: `metadata.name=${source.name}` };
    const [raw] = await listAll(api, path, query, (object) => object);
    if (raw !== undefined) return read(raw);
    const others = await listAll(api, path, {}, (object) => textAt(object, "metadata", "name") ?? "");
    return { kind: "missing", others: others.toSorted().slice(0, maxOthers) };
  } catch (error) {
    if (error instanceof ReflectorFault && error.reason === "absent") return { kind: "absent" };
    return { kind: "unanswered", problem: `inferencepools: ${describe(error)}` };
  }
}

function read(raw: unknown): CountedPool {
  const found = readInferencePool(raw);
  return found.kind === "invalid" ? { kind: "invalid", problem: found.problem } : found;
}

/**
 * Lists the pods that a pool selects, with the endpoints that the picker would make of them, or why it would make none. By
 * name. Returns a text when they cannot be listed; never rejects.
 */
export async function countPods(
  api: ApiServer,
  pool: { readonly namespace: string; readonly selection: InferencePool },
  rules: CensusRules,
): Promise<readonly CountedPod[] | string> {
  const { namespace, selection } = pool;
  try {
    const query = { labelSelector: formatSelector(selection.selector) };
    const listed = await listAll(api, `/api/v1/namespaces/${namespace}/pods`, query, readListed);
    return judge(
      listed.filter((entry) => entry !== undefined),
      selection,
      rules,
    );
  } catch (error) {
    return `pods: ${describe(error)}`;
  }
}

/** Lets the membership itself say who is in. */
function judge(listed: readonly ListedPod[], pool: InferencePool, rules: CensusRules): CountedPod[] {
  const refusals = new Map<string, PodRefusal>();
  let specs: readonly EndpointSpec[] = [];
  const membership = new PodMembership({
    store: { reset: (all) => void (specs = [...all]), upsert: () => {}, remove: () => {} },
    observer: {
      joined: () => {},
      left: () => {},
      refused: ({ uid }, reason) => refusals.set(uid, reason),
      replaced: () => {},
    },
    ...rules,
  });
  membership.replace(
    pool,
    listed.map(({ pod }) => pod),
  );
  const byPod = new Map<string, EndpointSpec[]>();
  for (const spec of specs) {
    const uid = spec.incarnation.slice(0, spec.incarnation.indexOf("@"));
    const others = byPod.get(uid);
    if (others === undefined) byPod.set(uid, [spec]);
    else others.push(spec);
  }
  return listed
    .map((entry) => {
      const { name, namespace, uid, ip, serviceAccount } = entry.pod;
      const endpoints = byPod.get(uid) ?? [];
      const exclusion = endpoints.length > 0 ? undefined : exclusionOf(entry, pool, refusals.get(uid));
      return { name, namespace, ip, serviceAccount, endpoints, exclusion };
    })
    .toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

function exclusionOf(listed: ListedPod, pool: InferencePool, reason: PodRefusal | undefined): Exclusion {
  if (reason !== undefined) return { kind: "refused", reason };
  if (listed.isTerminating) return { kind: "terminating" };
  const why = ineligibilityOf(listed.pod, pool);
  if (why === "not-ready") return { kind: "not-ready", detail: listed.readyDetail };
  return { kind: why === "no-address" ? "no-address" : "no-active-port" };
}

function readListed(raw: unknown): ListedPod | undefined {
  const pod = readPod(raw);
  if (pod === undefined) return undefined;
  const ready = listAt(raw, "status", "conditions").find((condition) => field(condition, "type") === "Ready");
  const words = [textAt(ready, "reason"), textAt(ready, "message")].filter((word) => word !== undefined);
  const isTerminating = textAt(raw, "metadata", "deletionTimestamp") !== undefined;
  return { pod, isTerminating, readyDetail: words.join(": ") };
}

async function listAll<T>(
  api: ApiServer,
  path: string,
  query: Readonly<Record<string, string>>,
  keep: (object: unknown) => T,
): Promise<T[]> {
  const found: T[] = [];
  const { signal } = new AbortController();
  await listPages(api, { path, query, pageTimeoutMs, signal }, (object) => found.push(keep(object)));
  return found;
}

function describe(error: unknown): string {
  return error instanceof ReflectorFault ? error.message : connectionFailure(error).message;
}
