import { type DocumentPath, valueAt } from "../lib/document.ts";
import { didYouMean } from "../lib/suggest.ts";
import type { PluginDefinition, PluginRoles, Requirement } from "../scheduling/plugin.ts";
import type { PluginRegistry } from "../scheduling/registry.ts";
import { missingHints, type MissingKind, missingPlugins } from "./missing-plugins.ts";
import type { Report } from "./report.ts";
import { pluginEntry } from "./schema.ts";

/** One configured plugin before it is made. */
export interface DeclaredPlugin {
  readonly name: string;
  readonly definition: PluginDefinition;
  readonly parameters: unknown;
  /** Where it is written; undefined for one that was added as a default. */
  readonly path: DocumentPath | undefined;
}

/** Where plugin types come from and which may be used. */
export interface PluginRules {
  readonly registry: PluginRegistry;
  readonly allowExperimentalPlugins: boolean;
}

/** The `plugins` of a config by name, and what was added to them. */
export class PluginTable {
  readonly #plugins = new Map<string, DeclaredPlugin>();
  /** Names whose entries have problems of their own: referring to them is no further problem. */
  readonly #broken = new Set<string>();
  readonly #registry: PluginRegistry;
  readonly #report: Report;

  constructor(report: Report, rules: PluginRules) {
    this.#report = report;
    this.#registry = rules.registry;
    this.#declare(rules);
  }

  /** Every plugin, in the order of the config, added ones last. */
  get all(): DeclaredPlugin[] {
    return [...this.#plugins.values()];
  }

  /** Plugins that play a role. */
  withRole(role: keyof PluginRoles): DeclaredPlugin[] {
    return this.all.filter(({ definition }) => definition.roles.includes(role));
  }

  /** Whether there is a plugin of a type, given or added. */
  hasType(type: string): boolean {
    return this.all.some(({ definition }) => definition.type === type);
  }

  /** Like `addDefault`; undefined, adding nothing, for a type that the registry lacks. */
  addKnownDefault(type: string): DeclaredPlugin | undefined {
    return this.#registry.find(type) === undefined ? undefined : this.addDefault(type);
  }

  /** The plugin that a reference names, or undefined and a problem at `path`. */
  resolve(name: string, path: DocumentPath): DeclaredPlugin | undefined {
    const found = this.#plugins.get(name);
    if (found !== undefined || this.#broken.has(name)) return found;
    const near = didYouMean(name, [...this.#plugins.keys(), ...this.#broken]);
    const hint = this.#registry.find(name) === undefined ? "" : `, expected an entry "- type: ${name}" in plugins`;
    this.#report.problem(path, `no plugin named "${name}"${near || hint}`);
    return undefined;
  }

  /** Like `resolve`, for references that only plugins of certain types can meet. */
  resolveType(name: string, path: DocumentPath, types: readonly string[]): DeclaredPlugin | undefined {
    const found = this.resolve(name, path);
    if (found === undefined || types.includes(found.definition.type)) return found;
    const what = `"${name}" is of type ${found.definition.type}, expected ${types.join(" or ")}`;
    this.#report.problem(path, what);
    return undefined;
  }

  /** Adds a plugin with default parameters unless its type is there already; returns the one to use. */
  addDefault(type: string): DeclaredPlugin | undefined {
    const present = this.all.find(({ definition }) => definition.type === type);
    if (present !== undefined) return present;
    const definition = this.#registry.find(type);
    if (definition === undefined) throw new TypeError(`Cannot add plugin "${type}": the registry lacks it`);
    const holder = this.#plugins.get(type);
    if (holder !== undefined) {
      const what = `the name "${type}" is needed for a default plugin of that type, expected another name`;
      this.#report.problem(holder.path ?? [], what);
      return undefined;
    }
    const added = { name: type, definition, parameters: definition.parameters.parse({}), path: undefined };
    this.#plugins.set(type, added);
    return added;
  }

  /** The plugin that meets a requirement of `plugin`, or undefined and a problem. */
  meet(plugin: DeclaredPlugin, requirement: Requirement): DeclaredPlugin | undefined {
    const { type } = requirement;
    const path = plugin.path ?? [];
    const parameter = pathOf(requirement);
    const named = namedBy(plugin, requirement);
    if (parameter !== undefined && typeof named === "string") {
      return this.resolveType(named, [...path, "parameters", ...parameter], [type]);
    }
    const instances = this.all.filter(({ definition }) => definition.type === type);
    if (instances.length <= 1) return this.addDefault(type);
    const namesake = instances.find(({ name }) => name === type);
    if (namesake !== undefined) return namesake;
    const names = instances.map(({ name }) => name).join(", ");
    const how = parameter === undefined ? "one" : `one of them in parameters.${parameter.map(String).join(".")}`;
    this.#report.problem(path, `several plugins of type "${type}" (${names}), expected ${how}`);
    return undefined;
  }

  #declare(rules: PluginRules): void {
    const firstLines = new Map<string, number>();
    for (const { path, value } of this.#report.entries(pluginEntry.partial().strip(), ["plugins"])) {
      const name = value.name || value.type;
      if (name === undefined) continue;
      const { line } = this.#report.document.problem(path, "");
      const firstLine = firstLines.get(name);
      if (firstLine !== undefined) {
        this.#report.problem(
          path,
          `the name "${name}" is taken by the plugin of line ${firstLine}, expected a new name`,
        );
        continue;
      }
      firstLines.set(name, line);
      const declared = value.type === undefined ? undefined : this.#read(name, value.type, path, rules);
      if (declared === undefined) this.#broken.add(name);
      else this.#plugins.set(name, declared);
    }
  }

  #read(name: string, type: string, path: DocumentPath, rules: PluginRules): DeclaredPlugin | undefined {
    const definition = this.#registry.find(type);
    if (definition === undefined) {
      if (type !== "") this.#report.problem([...path, "type"], this.#describeUnknown(type));
      return undefined;
    }
    if (definition.experimental === true && !rules.allowExperimentalPlugins) {
      const what = `plugin type "${type}" is experimental, expected --allow-experimental-plugins to use it`;
      this.#report.problem([...path, "type"], what);
      return undefined;
    }
    if (definition.deprecated !== undefined) {
      this.#report.warn([...path, "type"], `"${type}" is deprecated, expected ${definition.deprecated}`);
    }
    const parameters = this.#report.check(definition.parameters, [...path, "parameters"], {});
    if (parameters === undefined) return undefined;
    const caution = definition.caution?.(parameters);
    if (caution !== undefined) this.#report.warn([...path, "parameters", caution.parameter], caution.message);
    return { name, definition, parameters, path };
  }

  #describeUnknown(type: string): string {
    const missing = missingPlugins.get(type);
    if (missing !== undefined) return `plugin type "${type}" is not available in this version${this.#hint(missing)}`;
    const near = didYouMean(type, [...this.#registry.types, ...missingPlugins.keys()]);
    return `unknown plugin type "${type}"${near || `, expected one of ${this.#registry.types.join(", ")}`}`;
  }

  #hint(kind: MissingKind): string {
    const hint = missingHints[kind];
    if (hint !== undefined) return `: ${hint}`;
    const available = this.#registry.types.filter((type) => {
      const roles: readonly string[] = this.#registry.find(type)?.roles ?? [];
      return roles.includes(kind);
    });
    return available.length === 0 ? "" : `, available: ${available.join(", ")}`;
  }
}

function pathOf({ parameter }: Requirement): DocumentPath | undefined {
  return typeof parameter === "string" ? [parameter] : parameter;
}

/** The instance that a plugin's parameters name for a requirement; undefined when they name none. */
export function namedBy({ parameters }: DeclaredPlugin, requirement: Requirement): unknown {
  const path = pathOf(requirement);
  return path === undefined ? undefined : valueAt(parameters, path);
}
