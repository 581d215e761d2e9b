import { objectGroups } from "../inference-objects.ts";
import type { ApiServer } from "./api-server.ts";
import { askObject } from "./ask-object.ts";
import { poolVersion } from "./cluster-pool.ts";
import { objectVersion } from "./followed-objects.ts";
import { listAt, textAt } from "./json-fields.ts";
import { ReflectorFault } from "./reflector-fault.ts";

/** A kind that a CRD brings. */
export interface CustomKind {
  readonly group: string;
  readonly version: string;
  /** Plural. */
  readonly resource: string;
  readonly standing: "known" | "absent" | "unanswered";
}

/** Asks the API server for the kinds that a picker follows (discovery of each group and version). Never rejects. */
export async function askCustomKinds(api: ApiServer, poolGroup: string | undefined): Promise<readonly CustomKind[]> {
  const objects = ["inferenceobjectives", "inferencemodelrewrites"];
  const pools = poolGroup === undefined ? [] : [[poolGroup, poolVersion, ["inferencepools"]] as const];
  const wanted = [...pools, ...Object.values(objectGroups).map((group) => [group, objectVersion, objects] as const)];
  const found = await Promise.all(
    wanted.map(async ([group, version, resources]) => {
      const known = await askResources(api, group, version);
      return resources.map((resource) => ({ group, version, resource, standing: standingOf(resource, known) }));
    }),
  );
  return found.flat();
}

function standingOf(resource: string, known: ReadonlySet<string> | undefined): CustomKind["standing"] {
  if (known === undefined) return "unanswered";
  return known.has(resource) ? "known" : "absent";
}

/** Plurals of a group and version, none when there is no such; undefined when there is no usable answer. */
async function askResources(api: ApiServer, group: string, version: string): Promise<ReadonlySet<string> | undefined> {
  try {
    const list = await askObject(api, `get ${group}/${version}`, { method: "GET", path: `/apis/${group}/${version}` });
    return new Set(listAt(list, "resources").map((entry) => textAt(entry, "name") ?? ""));
  } catch (error) {
    return error instanceof ReflectorFault && error.reason === "absent" ? new Set() : undefined;
  }
}
