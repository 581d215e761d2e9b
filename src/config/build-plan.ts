import type { PluginIdentity, Profile, SchedulingPlan } from "../scheduling/plan.ts";
import { type PluginRoles, requirementsOf } from "../scheduling/plugin.ts";
import { type DeclaredPlugin, namedBy, type PluginTable } from "./plugin-table.ts";
import type { DeclaredProfile } from "./profiles.ts";
import type { Report } from "./report.ts";

/** What is to be made: everything resolved. */
export interface DeclaredPlan {
  readonly profiles: readonly DeclaredProfile[];
  readonly handler: DeclaredPlugin;
  /** Plugins that play a part outside of profiles, in the order of the config. */
  readonly parts: readonly DeclaredPlugin[];
  /** Says when the pool is full. */
  readonly detector: DeclaredPlugin | undefined;
  /** Producers that some used plugin reads or is itself, each after those it reads. */
  readonly producers: readonly DeclaredPlugin[];
  /** `needs.get(plugin)?.get(type)`: the plugin that meets the requirement. */
  readonly needs: Needs;
}

/** Which plugin meets which requirement of which plugin. */
export type Needs = ReadonlyMap<DeclaredPlugin, ReadonlyMap<string, DeclaredPlugin>>;

/**
 * Finds the producers that `used` plugins need, directly or not, or are themselves; adds defaults; a circle is a problem.
 * What is optional is met when the rest is known.
 */
export function resolveNeeds(
  used: readonly DeclaredPlugin[],
  report: Report,
  table: PluginTable,
): { readonly producers: readonly DeclaredPlugin[]; readonly needs: Needs } {
  const needs = new Map<DeclaredPlugin, Map<string, DeclaredPlugin>>();
  const reads = new Map<DeclaredPlugin, DeclaredPlugin[]>();
  const visit = (plugin: DeclaredPlugin, way: readonly DeclaredPlugin[]): void => {
    if (way.includes(plugin)) {
      const circle = [...way, plugin].map(({ name }) => name).join(" -> ");
      report.problem(plugin.path ?? [], `plugins need each other in a circle: ${circle}`);
      return;
    }
    if (needs.has(plugin)) return;
    const met = new Map<string, DeclaredPlugin>();
    const others: DeclaredPlugin[] = [];
    reads.set(plugin, others);
    for (const requirement of requirementsOf(plugin.definition, plugin.parameters)) {
      const other = requirement.isOptional === true ? undefined : table.meet(plugin, requirement);
      if (other === undefined) continue;
      others.push(other);
      // Of several of one type the plugin knows those it names itself: it asks for the one it does not name.
      if (namedBy(plugin, requirement) === undefined || !met.has(requirement.type)) met.set(requirement.type, other);
      visit(other, [...way, plugin]);
    }
    needs.set(plugin, met);
  };
  for (const plugin of used) visit(plugin, []);
  // A map that grows while it is read is read to its new end.
  for (const [plugin, met] of needs) {
    for (const [type, other] of meetOptional(plugin, table)) {
      met.set(type, other);
      reads.get(plugin)?.push(other);
      visit(other, [plugin]);
    }
  }
  for (const plugin of table.all.filter((unused) => !needs.has(unused))) checkNamed(plugin, table);
  return { producers: orderProducers(reads), needs };
}

function meetOptional(plugin: DeclaredPlugin, table: PluginTable): [type: string, other: DeclaredPlugin][] {
  return requirementsOf(plugin.definition, plugin.parameters)
    .filter(({ isOptional }) => isOptional === true)
    .filter((requirement) => namedBy(plugin, requirement) !== undefined || table.hasType(requirement.type))
    .flatMap((requirement) => {
      const other = table.meet(plugin, requirement);
      return other === undefined ? [] : [[requirement.type, other]];
    });
}

/** The producers among the plugins that are read or that play a second role themselves, each after those it reads. */
function orderProducers(reads: ReadonlyMap<DeclaredPlugin, readonly DeclaredPlugin[]>): DeclaredPlugin[] {
  const read = new Set([...reads.values()].flat());
  const seen = new Set<DeclaredPlugin>();
  const ordered: DeclaredPlugin[] = [];
  const visit = (plugin: DeclaredPlugin): void => {
    if (seen.has(plugin)) return;
    seen.add(plugin);
    for (const other of reads.get(plugin) ?? []) visit(other);
    const { roles } = plugin.definition;
    if (roles.includes("producer") && (read.has(plugin) || roles.length > 1)) ordered.push(plugin);
  };
  for (const plugin of reads.keys()) visit(plugin);
  return ordered;
}

/** A name that an unused plugin gives in a parameter must be right too. */
function checkNamed(plugin: DeclaredPlugin, table: PluginTable): void {
  for (const requirement of requirementsOf(plugin.definition, plugin.parameters)) {
    if (namedBy(plugin, requirement) !== undefined) table.meet(plugin, requirement);
  }
}

/** Roles that a configured plugin plays without being named in a profile. */
export const partRoles = ["screener", "admitter", "preparer", "responder"] as const;

/** Makes every plugin of a plan, each once. Throws what a plugin's factory throws. */
export function buildPlan(declared: DeclaredPlan, hashKey: bigint): SchedulingPlan {
  const { profiles, handler, parts, detector, producers, needs } = declared;
  const made = new Map<DeclaredPlugin, PluginRoles>();
  const rolesOf = (plugin: DeclaredPlugin): PluginRoles => {
    const present = made.get(plugin);
    if (present !== undefined) return present;
    const roles = make(plugin, needs, hashKey);
    made.set(plugin, roles);
    return roles;
  };
  return deepFreeze({
    producers: producers.map((plugin) => ({ ...identify(plugin), producer: expect(plugin, rolesOf, "producer") })),
    profiles: profiles.map((profile) => buildProfile(profile, rolesOf)),
    profileNames: profiles.map(({ name }) => name),
    handler: { ...identify(handler), handler: expect(handler, rolesOf, "profileHandler") },
    screeners: buildParts("screener", parts, rolesOf),
    admitters: buildParts("admitter", parts, rolesOf),
    preparers: buildParts("preparer", parts, rolesOf),
    responders: buildParts("responder", parts, rolesOf),
    detector: detector && { ...identify(detector), detector: expect(detector, rolesOf, "detector") },
    requestHeaders: headersRead([...made.keys()]),
  });
}

type PartRole = (typeof partRoles)[number];
type Part<R extends PartRole> = PluginIdentity & { readonly [K in R]: NonNullable<PluginRoles[K]> };

function buildParts<R extends PartRole>(role: R, parts: readonly DeclaredPlugin[], rolesOf: RolesOf): Part<R>[] {
  return parts
    .filter(({ definition }) => definition.roles.includes(role))
    .map((plugin) => ({ ...identify(plugin), [role]: expect(plugin, rolesOf, role) }) as unknown as Part<R>);
}

function headersRead(plugins: readonly DeclaredPlugin[]): string[] {
  const names = plugins.flatMap(({ definition, parameters }) => definition.headersRead?.(parameters) ?? []);
  return [...new Set(names)].toSorted();
}

function make(plugin: DeclaredPlugin, needs: Needs, hashKey: bigint): PluginRoles {
  const { name, definition, parameters } = plugin;
  const available = (type: string): string | undefined => needs.get(plugin)?.get(type)?.name;
  const required = (type: string): string => {
    const other = available(type);
    if (other === undefined)
      throw new TypeError(`Cannot find "${type}" for plugin "${name}": it requires no such type`);
    return other;
  };
  return definition.create(parameters, { name, required, available, hashKey });
}

type RolesOf = (plugin: DeclaredPlugin) => PluginRoles;

function buildProfile({ name, uses, picker }: DeclaredProfile, rolesOf: RolesOf): Profile {
  if (picker === undefined) throw new TypeError(`Cannot build profile "${name}": it has no picker`);
  const withRole = (role: keyof PluginRoles): typeof uses =>
    uses.filter(({ plugin }) => plugin.definition.roles.includes(role));
  return {
    name,
    filters: withRole("filter").map(({ plugin }) => ({
      ...identify(plugin),
      filter: expect(plugin, rolesOf, "filter"),
    })),
    scorers: withRole("scorer").map(({ plugin, weight }) => ({
      ...identify(plugin),
      scorer: expect(plugin, rolesOf, "scorer"),
      weight,
    })),
    picker: { ...identify(picker), picker: expect(picker, rolesOf, "picker"), parameters: picker.parameters },
  };
}

function identify({ name, definition }: DeclaredPlugin): PluginIdentity {
  return { name, type: definition.type };
}

function expect<R extends keyof PluginRoles>(
  plugin: DeclaredPlugin,
  rolesOf: RolesOf,
  role: R,
): NonNullable<PluginRoles[R]> {
  const found = rolesOf(plugin)[role];
  if (found) return found;
  throw new TypeError(
    `Cannot use plugin type "${plugin.definition.type}" as a ${role}: it declares the role, made none`,
  );
}

/** Freezes plain objects and arrays all the way down; instances of classes stay as they are. */
function deepFreeze<T>(value: T): T {
  const isPlain =
    Array.isArray(value) || (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype);
  if (!isPlain || value === null) return value;
  for (const inner of Object.values(value as object)) deepFreeze(inner);
  return Object.freeze(value);
}
