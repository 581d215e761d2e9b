import { stringify } from "yaml";

/** Plain data as YAML text: two spaces of indent, no line folding, no anchors, strings quoted only where YAML needs it. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
