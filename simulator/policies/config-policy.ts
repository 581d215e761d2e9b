import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { formatProblems } from "../../src/lib/document.ts";
import type { SchedulingPlan } from "../../src/scheduling/plan.ts";
import { PickerCode } from "./picker-code.ts";
import type { Policy } from "./policy.ts";

/** A policy that is an EndpointPickerConfig. */
export interface ConfigPolicyOptions {
  readonly name: string;
  readonly summary: string;
  /** The config; undefined: what runs without one. */
  readonly text: string | undefined;
  /** Name of its file in problems; default: `name`. */
  readonly file?: string;
  /** Whether signals are corrected between scrapes and blended when old; default true. */
  readonly corrections?: boolean;
}

/** The picker's own code under a config. Throws a TypeError with every problem of the text. */
export function configPolicy(options: ConfigPolicyOptions): Policy {
  const { name, summary, corrections = true } = options;
  const { profiles } = planOf(options, 0n);
  return {
    name,
    summary,
    scorers: Math.max(...profiles.map(({ scorers }) => scorers.length)),
    start: (setup) => new PickerCode({ ...setup, plan: planOf(options, setup.hashKey), corrections }),
  };
}

function planOf({ name, text, file = name }: ConfigPolicyOptions, hashKey: bigint): SchedulingPlan {
  const loaded = loadConfig(text, { file, registry: builtInRegistry, allowExperimentalPlugins: true, hashKey });
  if (loaded.kind === "ok") return loaded.config.plan;
  throw new TypeError(`Cannot use policy "${name}":\n${formatProblems(loaded.problems)}`);
}
