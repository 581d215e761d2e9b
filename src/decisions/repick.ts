import { type Random } from "../lib/random.ts";
import type { Cycle } from "../scheduling/plugin.ts";
import { createRegistry, type PluginRegistry, schedulingPlugins } from "../scheduling/registry.ts";
import type { DecisionRecord } from "./decision-record.ts";

/** A decision made once more. */
export interface Repicked {
  /** `totals[i]` of `candidates[i]`. */
  readonly totals: readonly number[];
  /** Ids of endpoints, best first. */
  readonly picked: readonly string[];
}

const builtIn = createRegistry(schedulingPlugins);

/**
 * Makes a recorded decision once more from nothing but its record: weights x scores summed up, then the picker of that type
 * with the recorded draws. Equal to the record's own totals and pick, unless the record was changed. Throws an Error when
 * `registry` lacks the picker or when it wants more draws than there are.
 */
export function repick(record: DecisionRecord, registry: PluginRegistry = builtIn): Repicked {
  const { candidates, scorers, picker } = record;
  const totals = candidates.map(({ scores }) => {
    let total = 0;
    for (const [s, { weight }] of scorers.entries()) total += (scores[s]?.score ?? Number.NaN) * weight;
    return total;
  });
  if (picker === null || candidates.length === 0) return { totals, picked: [] };
  const cycle = { random: replay(record) } as unknown as Cycle;
  const order = makePicker(picker, registry).pick(cycle, candidates as never, Float64Array.from(totals));
  return { totals, picked: order.map((i) => candidates[i]?.id ?? "") };
}

function makePicker(
  { name, type, parameters }: NonNullable<DecisionRecord["picker"]>,
  registry: PluginRegistry,
): NonNullable<ReturnType<NonNullable<ReturnType<PluginRegistry["find"]>>["create"]>["picker"]> {
  const definition = registry.find(type);
  const required = (): string => name;
  const environment = { name, required, available: () => undefined, hashKey: 0n };
  const made = definition?.create(definition.parameters.parse(parameters), environment);
  if (made?.picker !== undefined) return made.picker;
  throw new Error(`Cannot repeat a pick of "${type}": no such picker, expected one of this version`);
}

function replay({ draws, requestId }: DecisionRecord): Random {
  let next = 0;
  return () => {
    const drawn = draws[next++];
    if (drawn === undefined) {
      throw new Error(`Cannot repeat the pick of "${requestId}": ${draws.length} draws recorded, expected more`);
    }
    return drawn;
  };
}
