import { type PickerInstance, type PickerSetup, type Policy, refused, type VisibleRequest } from "./policy.ts";

/** Each replica in turn, as Envoy's ROUND_ROBIN with one worker; further pickers start further on. */
export const roundRobin: Policy = {
  name: "round-robin",
  summary: "each replica in turn, knowing nothing",
  scorers: undefined,
  start: ({ present, picker }) => {
    let next = picker;
    return {
      sampling: "none",
      pick: () => {
        if (present.length === 0) return refused;
        const at = next % present.length;
        next = at + 1;
        return present[at] as number;
      },
    };
  },
};

/** Any replica with equal chance. */
export const random: Policy = {
  name: "random",
  summary: "any replica, by chance",
  scorers: undefined,
  start: ({ present }) => ({
    sampling: "none",
    pick: (request) => present[Math.floor(request.random()() * present.length)] ?? refused,
  }),
};

/** The replica with the fewest requests of this picker under way. */
export const leastRequest: Policy = {
  name: "least-request",
  summary: "the replica with the fewest own requests under way, by chance among equals",
  scorers: undefined,
  start: (setup) => new ByOpenRequests(setup, leastOf),
};

/** As Envoy's LEAST_REQUEST with its default of two choices. */
export const powerOfTwo: Policy = {
  name: "power-of-two",
  summary: "of two replicas by chance the one with fewer own requests under way (Envoy's LEAST_REQUEST)",
  scorers: undefined,
  start: (setup) => new ByOpenRequests(setup, lessOfTwo),
};

/** The replica whose newest sample shows the shortest queue, however old that is. */
export const leastQueue: Policy = {
  name: "least-queue",
  summary: "the replica with the shortest queue by its newest sample, by chance among equals",
  scorers: undefined,
  start: ({ replicas, present }) => {
    const waiting = new Float64Array(replicas.length);
    return {
      sampling: "newest",
      sampled: (replica, _askedAtMs, load) => {
        waiting[replica] = load.waiting;
      },
      pick: (request) => leastOf(waiting, present, request),
    };
  },
};

/** Chooses one of `present` by the count of each, or `refused` when there is none. */
type Choice = (counts: Float64Array, present: readonly number[], request: VisibleRequest) => number;

class ByOpenRequests implements PickerInstance {
  readonly sampling = "none";
  readonly #open: Float64Array;
  readonly #present: readonly number[];
  readonly #choose: Choice;

  constructor({ replicas, present }: PickerSetup, choose: Choice) {
    this.#open = new Float64Array(replicas.length);
    this.#present = present;
    this.#choose = choose;
  }

  pick(request: VisibleRequest): number {
    const picked = this.#choose(this.#open, this.#present, request);
    if (picked === refused) return refused;
    this.#open[picked] = (this.#open[picked] as number) + 1;
    return picked;
  }

  ended(_row: number, replica: number): void {
    this.#open[replica] = (this.#open[replica] as number) - 1;
  }
}

function leastOf(counts: Float64Array, present: readonly number[], request: VisibleRequest): number {
  let least = Number.POSITIVE_INFINITY;
  let equals = 0;
  for (const i of present) {
    const count = counts[i] as number;
    if (count < least) [least, equals] = [count, 1];
    else if (count === least) equals++;
  }
  let skip = Math.floor(request.random()() * equals);
  for (const i of present) if (counts[i] === least && skip-- === 0) return i;
  return refused;
}

function lessOfTwo(counts: Float64Array, present: readonly number[], request: VisibleRequest): number {
  if (present.length === 0) return refused;
  const draw = request.random();
  const first = present[Math.floor(draw() * present.length)] as number;
  const second = present[Math.floor(draw() * present.length)] as number;
  return (counts[second] as number) < (counts[first] as number) ? second : first;
}

/** The policies of this file by name, in the order of help texts. */
export const balancersByName = {
  "round-robin": roundRobin,
  random,
  "least-request": leastRequest,
  "least-queue": leastQueue,
  "power-of-two": powerOfTwo,
} as const satisfies Readonly<Record<string, Policy>>;
