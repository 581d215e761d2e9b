import type { ReplicaConfig } from "../replica/config.ts";
import type { PoolChange, PoolChangeKind, PoolOptions } from "./options.ts";

/** A replica between joining the pool and leaving it; one that comes back is another incarnation of the same replica. */
export interface Incarnation {
  /** Index into the replicas of the pool. */
  readonly replica: number;
  /** How many incarnations of the replica were there before. */
  readonly number: number;
  readonly config: ReplicaConfig;
}

/** A change that happens to one incarnation. */
export interface PlannedChange {
  readonly atMs: number;
  readonly kind: PoolChangeKind;
  readonly incarnation: number;
}

/** Who is in the pool when. While a run goes on, incarnations stand for replicas; its result is by replica. */
export interface PoolPlan {
  readonly replicas: number;
  /** The first one of each replica, then those that come back. */
  readonly incarnations: readonly Incarnation[];
  /** Indexes of the incarnations that are there from the start. */
  readonly atStart: readonly number[];
  /** In order of time. */
  readonly changes: readonly PlannedChange[];
}

type State = "away" | "there" | "frozen" | "leaving";

const transitions: Readonly<Record<PoolChangeKind, { readonly from: readonly State[]; readonly to: State }>> = {
  joins: { from: ["away", "leaving"], to: "there" },
  leaves: { from: ["there", "frozen"], to: "leaving" },
  dies: { from: ["there", "frozen", "leaving"], to: "away" },
  "metrics-freeze": { from: ["there"], to: "frozen" },
  "metrics-thaw": { from: ["frozen"], to: "there" },
};
/** Indexes are kept in 16 bits. */
const mostIncarnations = 32_767;

/** Reads a pool. Throws RangeError naming the field that is out of range, and the change that cannot happen. */
export function planPool({ replicas, changes = [] }: PoolOptions): PoolPlan {
  const { length } = replicas;
  if (length < 1 || length > mostIncarnations) {
    throw new RangeError(`Cannot simulate with "replicas": ${length}, expected 1 to ${mostIncarnations}`);
  }
  const incarnations = replicas.map((config, replica): Incarnation => ({ replica, number: 0, config }));
  const current = replicas.map((_, i) => i);
  const states = replicas.map((_, i): State => (isAbsentAtFirst(changes, i) ? "away" : "there"));
  const atStart = current.filter((i) => states[i] === "there");
  const joined = new Set(atStart);
  const planned = changes.map((change, at): PlannedChange => {
    const { atMs, kind, replica } = change;
    checkChange(changes, at, states);
    states[replica] = transitions[kind].to;
    if (kind === "joins") {
      if (joined.has(replica)) current[replica] = incarnations.push(next(incarnations, current[replica] as number)) - 1;
      joined.add(replica);
    }
    return { atMs, kind, incarnation: current[replica] as number };
  });
  if (incarnations.length > mostIncarnations) {
    throw changeError(changes.length - 1, `incarnation ${incarnations.length}`, `at most ${mostIncarnations} in all`);
  }
  return { replicas: length, incarnations, atStart, changes: planned };
}

/** Adds up figures of incarnations to those of replicas. */
export function sumByReplica<T extends Readonly<Record<keyof T, number>>>(plan: PoolPlan, values: readonly T[]): T[] {
  const sums = values.slice(0, plan.replicas);
  for (let i = plan.replicas; i < values.length; i++) {
    const { replica } = plan.incarnations[i] as Incarnation;
    const [sum, more] = [sums[replica], values[i]] as [T, T];
    const names = Object.keys(sum) as (keyof T)[];
    sums[replica] = Object.fromEntries(names.map((name) => [name, sum[name] + more[name]])) as T;
  }
  return sums;
}

/** Makes indexes of incarnations those of their replicas, in place. */
export function toReplicas({ replicas, incarnations }: PoolPlan, indexes: Int16Array): void {
  if (incarnations.length === replicas) return;
  for (let row = 0; row < indexes.length; row++) {
    const index = indexes[row] as number;
    if (index >= replicas) indexes[row] = (incarnations[index] as Incarnation).replica;
  }
}

function next(incarnations: readonly Incarnation[], before: number): Incarnation {
  const { replica, number, config } = incarnations[before] as Incarnation;
  return { replica, number: number + 1, config };
}

function isAbsentAtFirst(changes: readonly PoolChange[], replica: number): boolean {
  return changes.find((change) => change.replica === replica)?.kind === "joins";
}

function checkChange(changes: readonly PoolChange[], at: number, states: readonly State[]): void {
  const { atMs, kind, replica } = changes[at] as PoolChange;
  const sinceMs = at === 0 ? 0 : (changes[at - 1] as PoolChange).atMs;
  if (!(atMs >= sinceMs && atMs < Infinity)) throw changeError(at, `at ${atMs} ms`, `at least ${sinceMs}, finite`);
  const state = states[replica];
  if (state === undefined) throw changeError(at, `replica ${replica}`, `0 to ${states.length - 1}`);
  if (!Object.hasOwn(transitions, kind)) throw changeError(at, `"${kind}"`, Object.keys(transitions).join(", "));
  const { from } = transitions[kind];
  if (!from.includes(state)) throw changeError(at, `"${kind}" of replica ${replica}, ${state}`, from.join(" or "));
}

function changeError(at: number, found: string, expected: string): RangeError {
  return new RangeError(`Cannot simulate with "changes[${at}]": ${found}, expected ${expected}`);
}
