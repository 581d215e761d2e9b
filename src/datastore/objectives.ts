/** What a request may ask for by name (protocol 4.3). */
export interface InferenceObjective {
  /** Looked up by the objective header; unique in the pool. */
  readonly name: string;
  /** Higher is more important, below 0 may be shed; int32. Undefined counts as 0. */
  readonly priority: number | undefined;
}

/** Range of a priority: an int32 (protocol 4.3). */
export const [minPriority, maxPriority] = [-(2 ** 31), 2 ** 31 - 1];

/** The objectives of the pool. Discovery writes them, requests look up their priority. */
export class ObjectiveStore {
  #priorities: ReadonlyMap<string, number> = new Map();

  /** Makes `objectives` all there are; of two with one name the last counts. Throws RangeError, changing nothing. */
  reset(objectives: readonly InferenceObjective[]): void {
    this.#priorities = new Map(objectives.map((objective) => [objective.name, checkedPriority(objective)]));
  }

  /** Adds an objective, or puts it in the place of the one with its name. Throws RangeError for its priority. */
  upsert(objective: InferenceObjective): void {
    this.#priorities = new Map(this.#priorities).set(objective.name, checkedPriority(objective));
  }

  /** Takes an objective out; unknown names are ignored. */
  remove(name: string): void {
    const rest = new Map(this.#priorities);
    rest.delete(name);
    this.#priorities = rest;
  }

  /** Priority of the objective `name`; 0 when there is none of that name or it has none (protocol 3.1, case A17b). */
  priorityOf(name: string): number {
    return this.#priorities.get(name) ?? 0;
  }
}

function checkedPriority({ name, priority = 0 }: InferenceObjective): number {
  if (Number.isInteger(priority) && priority >= minPriority && priority <= maxPriority) return priority;
  throw new RangeError(
    `Cannot keep objective "${name}": priority ${priority}, expected a whole number from ${minPriority} to ${maxPriority}`,
  );
}
