import { printableText } from "../lib/printable-text.ts";
import { suggest } from "../lib/suggest.ts";

/** Former and later names of metrics that engines have renamed; either may stand on a page in place of the other. */
const renamed: readonly (readonly string[])[] = [["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"]];

/** Most names of a page that are compared letter by letter. */
const maxCompared = 1_000;

/**
 * The name on the page that most likely holds what `wanted` is meant to: one that the engine used before or after, the
 * same name written otherwise or under another prefix, or a near one of the same prefix. undefined: none.
 */
export function similarName(wanted: string, names: Iterable<string>): string | undefined {
  const all = [...names].filter((name) => name !== wanted);
  const known = renamed.find((group) => group.includes(wanted));
  const found =
    all.find((name) => known?.includes(name)) ??
    all.find((name) => plain(name) === plain(wanted)) ??
    all.find((name) => body(name) === body(wanted)) ??
    suggest(wanted, all.filter((name) => prefix(name) === prefix(wanted)).slice(0, maxCompared));
  return found === undefined ? undefined : printableText(found);
}

/** Without what collectors change: colons, and the endings they add. */
function plain(name: string): string {
  return name
    .replaceAll(":", "_")
    .replace(/_(?:total|ratio)$/, "")
    .toLowerCase();
}

/** What stands before the first colon or underscore. */
function prefix(name: string): string {
  return /^[^:_]*/.exec(name)?.[0] ?? "";
}

function body(name: string): string {
  return plain(name).slice(prefix(name).length + 1);
}
