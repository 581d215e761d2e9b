import type { PoolChange } from "../engine/options.ts";
import { scenario } from "../scenarios/registry.ts";
import type { LoadSpec } from "./plan.ts";

/** What happens to the pool during the load, in order of time; nothing where the load is no scenario. */
export function poolChangesOf({ kind, source }: LoadSpec): readonly PoolChange[] {
  return kind === "scenario" ? (scenario(source).pool.changes ?? []) : [];
}
