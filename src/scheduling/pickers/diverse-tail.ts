import type { Endpoint } from "../../datastore/endpoint.ts";

/** Labels that say where an endpoint runs, where its pod or file carries them. */
const nodeLabel = "kubernetes.io/hostname";
const zoneLabel = "topology.kubernetes.io/zone";

/** Totals that differ by no more than this share of the span of all totals are near-equal. */
const nearShare = 0.1;

/**
 * The first `wanted` of `ranking`, indices into `candidates`, best first; the first stays the first. Each further one is the
 * near-equal of the next in rank that shares least with those taken: fewest on its host (a pod, with all its ranks), then on
 * its node, then in its zone, then by rank. What fails together is then not tried one after the other. `totals`: whose
 * differences count; undefined: all are near-equal.
 */
export function withDiverseTail(
  ranking: readonly number[],
  candidates: readonly Endpoint[],
  wanted: number,
  totals: Float64Array | undefined,
): number[] {
  const [first] = ranking;
  if (first === undefined || wanted === 1) return ranking.slice(0, 1);
  const near = totals === undefined ? Number.POSITIVE_INFINITY : nearShare * spanOf(totals, candidates.length);
  const taken = new Places();
  taken.add(candidates[first] as Endpoint);
  const picked = [first];
  const left = ranking.slice(1);
  while (picked.length < wanted && left.length > 0) {
    const at = leastShared(left, candidates, taken, (next, other) => isNear(totals, next, other, near));
    const [index = first] = left.splice(at, 1);
    picked.push(index);
    taken.add(candidates[index] as Endpoint);
  }
  return picked;
}

/** Where in `left` the one stands that shares least with what is taken, among the near-equals of the first. */
function leastShared(
  left: readonly number[],
  candidates: readonly Endpoint[],
  taken: Places,
  isNearEqual: (next: number, other: number) => boolean,
): number {
  const next = left[0] as number;
  let best = 0;
  let least = taken.shared(candidates[next] as Endpoint);
  for (let i = 1; i < left.length && least > 0; i++) {
    const other = left[i] as number;
    if (!isNearEqual(next, other)) continue;
    const shared = taken.shared(candidates[other] as Endpoint);
    if (shared >= least) continue;
    best = i;
    least = shared;
  }
  return best;
}

function isNear(totals: Float64Array | undefined, next: number, other: number, near: number): boolean {
  return totals === undefined || (totals[next] as number) - (totals[other] as number) <= near;
}

function spanOf(totals: Float64Array, count: number): number {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    least = Math.min(least, totals[i] as number);
    greatest = Math.max(greatest, totals[i] as number);
  }
  return greatest - least;
}

/** Greater than any number of endpoints taken, so that one host weighs more than all nodes, one node more than all zones. */
const step = 1024;

/** How many of the endpoints taken are where. */
class Places {
  readonly #hosts = new Map<string, number>();
  readonly #nodes = new Map<string, number>();
  readonly #zones = new Map<string, number>();

  add({ host, labels }: Endpoint): void {
    count(this.#hosts, host);
    count(this.#nodes, labels[nodeLabel]);
    count(this.#zones, labels[zoneLabel]);
  }

  /** 0 for an endpoint that shares neither host nor node nor zone; what is not known is not shared. */
  shared({ host, labels }: Endpoint): number {
    const onHost = this.#hosts.get(host) ?? 0;
    const onNode = this.#nodes.get(labels[nodeLabel] ?? "") ?? 0;
    const inZone = this.#zones.get(labels[zoneLabel] ?? "") ?? 0;
    return (onHost * step + onNode) * step + inZone;
  }
}

function count(places: Map<string, number>, name: string | undefined): void {
  if (name === undefined || name === "") return;
  places.set(name, (places.get(name) ?? 0) + 1);
}
