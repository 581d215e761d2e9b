import type { EndpointSpec } from "../../datastore/endpoint.ts";
import type { EndpointStore } from "../../datastore/store.ts";
import type { PoolSelection } from "./inference-pool.ts";
import type { ObjectSink } from "./object-sink.ts";
import type { Pod } from "./pod.ts";
import { endpointsOf, ineligibilityOf } from "./pod-endpoints.ts";

/** Why a pod that is ready and selected gets no traffic; see `denyAddress` for addresses. */
export type PodRefusal = string;

/** Told of what happens to the pool's members. */
export interface MembershipObserver {
  joined(pod: Pod, endpoints: readonly EndpointSpec[]): void;
  left(pod: Pod): void;
  /** Once for each pod, address and reason. */
  refused(pod: Pod, reason: PodRefusal): void;
  /** After a change of everything at once, in place of the calls for each pod. */
  replaced(change: { readonly joined: readonly Pod[]; readonly left: readonly Pod[]; readonly members: number }): void;
}

/** What a membership needs. */
export interface MembershipOptions {
  readonly store: Pick<EndpointStore, "reset" | "upsert" | "remove">;
  readonly observer: MembershipObserver;
  /** Most pods that are members at a time; those beyond wait until one leaves (reliability T32). */
  readonly maxPods: number;
  /** Says why a pod must not join; undefined when it may. */
  readonly refusalOf: (pod: Pod) => PodRefusal | undefined;
}

/** Most pods of a pool when nothing else is said (reliability T32). */
export const defaultMaxPods = 2000;

/** Refusal of a pod that waits for room. */
export const beyondMaxPods: PodRefusal = "max-pods";

/** A pod, and what the store has of it. */
interface Entry {
  readonly pod: Pod;
  /** Not empty only for members. */
  readonly endpoints: readonly EndpointSpec[];
  readonly isMember: boolean;
  /** Why it is no member although it could serve. */
  readonly refusal: PodRefusal | undefined;
  /** The last refusal that the observer was told of. */
  readonly told: PodRefusal | undefined;
}

/**
 * Keeps the store what pods and pool say together, in whatever order they come: every eligible pod is a member, with an endpoint
 * a rank. Pods are told apart by uid: what is said of a pod whose name another one has taken over does not touch that one.
 */
export class PodMembership implements ObjectSink<Pod> {
  readonly #options: MembershipOptions;
  #pool: PoolSelection | undefined;
  /** By name; names are unique within the one namespace. */
  #entries = new Map<string, Entry>();
  #members = 0;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Number of pods that are members. */
  get members(): number {
    return this.#members;
  }

  /** Takes over another pool, or none, with the pods that are known; the store changes in one step. */
  setPool(pool: PoolSelection | undefined): void {
    this.replace(
      pool,
      Array.from(this.#entries.values(), ({ pod }) => pod),
    );
  }

  /** Takes over pool and pods; the store changes in one step. */
  replace(pool: PoolSelection | undefined, pods: readonly Pod[]): void {
    const before = this.#entries;
    this.#pool = pool;
    this.#entries = new Map();
    this.#members = 0;
    // Who is a member keeps its place when there is not room for all.
    const byName = new Map(pods.map((pod) => [pod.name, pod]));
    const ordered = [...byName.values()].toSorted((a, b) => Number(isMember(b, before)) - Number(isMember(a, before)));
    for (const pod of ordered) this.#entries.set(pod.name, this.#judge(pod, before.get(pod.name)));
    this.#options.store.reset(Array.from(this.#entries.values(), ({ endpoints }) => endpoints).flat());
    this.#tellReplaced(before);
  }

  reset(pods: readonly Pod[]): void {
    this.replace(this.#pool, pods);
  }

  upsert(pod: Pod): void {
    const before = this.#entries.get(pod.name);
    if (before !== undefined && isLateWord(pod, before.pod)) return;
    if (before?.isMember === true) this.#members--;
    const entry = this.#judge(pod, before);
    this.#entries.set(pod.name, entry);
    this.#apply(before, entry);
  }

  remove(pod: Pod): void {
    const before = this.#entries.get(pod.name);
    if (before?.pod.uid !== pod.uid) return;
    this.#entries.delete(pod.name);
    if (before.isMember) this.#members--;
    this.#apply(before, undefined);
  }

  /** What a pod is now; counts it when it is a member, so it must not be counted before. */
  #judge(pod: Pod, before: Entry | undefined): Entry {
    const pool = this.#pool;
    const isSamePod = before?.pod.uid === pod.uid && (pod.ip === undefined || before.pod.ip === pod.ip);
    const told = isSamePod ? before.told : undefined;
    const outside = { pod, endpoints: [], isMember: false };
    if (pool === undefined || ineligibilityOf(pod, pool) !== undefined) return { ...outside, refusal: undefined, told };
    const refusal = this.#refusalOf(pod);
    if (refusal !== undefined) {
      if (refusal !== told) this.#options.observer.refused(pod, refusal);
      return { ...outside, refusal, told: refusal };
    }
    this.#members++;
    return { pod, endpoints: endpointsOf(pod, pool), isMember: true, refusal, told };
  }

  #refusalOf(pod: Pod): PodRefusal | undefined {
    const { refusalOf, maxPods } = this.#options;
    return refusalOf(pod) ?? (this.#members >= maxPods ? beyondMaxPods : undefined);
  }

  #apply(before: Entry | undefined, after: Entry | undefined): void {
    const { store } = this.#options;
    const wanted = after?.endpoints ?? [];
    for (const { id } of before?.endpoints ?? []) {
      if (!wanted.some((endpoint) => endpoint.id === id)) store.remove(id);
    }
    for (const endpoint of wanted) store.upsert(endpoint);
    this.#tell(before?.isMember === true ? before : undefined, after?.isMember === true ? after : undefined);
  }

  #tell(former: Entry | undefined, member: Entry | undefined): void {
    const { observer } = this.#options;
    if (former?.pod.uid === member?.pod.uid) return;
    if (former !== undefined) observer.left(former.pod);
    if (member !== undefined) observer.joined(member.pod, member.endpoints);
    else this.#letIn();
  }

  /** A place has become free: the first pod that waits for one takes it. */
  #letIn(): void {
    for (const { pod, refusal } of this.#entries.values()) {
      if (refusal === beyondMaxPods) return this.upsert(pod);
    }
  }

  #tellReplaced(before: ReadonlyMap<string, Entry>): void {
    const joined = membersOf(this.#entries).filter((pod) => !isMember(pod, before));
    const left = membersOf(before).filter((pod) => !isMember(pod, this.#entries));
    this.#options.observer.replaced({ joined, left, members: this.#members });
  }
}

function membersOf(entries: ReadonlyMap<string, Entry>): Pod[] {
  return Array.from(entries.values()).flatMap(({ pod, isMember: member }) => (member ? [pod] : []));
}

function isMember(pod: Pod, entries: ReadonlyMap<string, Entry>): boolean {
  const entry = entries.get(pod.name);
  return entry?.isMember === true && entry.pod.uid === pod.uid;
}

/** Whether `pod` is a former pod of the name, of which something is said after its successor was there (reliability F22). */
function isLateWord(pod: Pod, present: Pod): boolean {
  return pod.uid !== present.uid && pod.createdAtMs < present.createdAtMs;
}
