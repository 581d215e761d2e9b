import type { KubeObject } from "./resources.ts";

/** Whether an object is meant by the selectors of a request: `a=b,c in (d,e),!f`, and `metadata.name=x` or `metadata.namespace=y`. */
export type Selection = (object: KubeObject) => boolean;

/** Reads the selectors of a query; throws for what the fake does not know. */
export function selectionOf(query: URLSearchParams): Selection {
  const labels = split(query.get("labelSelector") ?? "").map(labelTerm);
  const fields = split(query.get("fieldSelector") ?? "").map(fieldTerm);
  return (object) => [...labels, ...fields].every((term) => term(object));
}

function split(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== "");
}

function labelTerm(term: string): Selection {
  const [, key = "", isNot, values] = /^(\S+)\s+(not)?in\s+\((.*)\)$/.exec(term)?.map((part) => part ?? "") ?? [];
  if (values !== undefined) {
    const all = values.split(",").map((value) => value.trim());
    return ({ metadata }) => all.includes(metadata.labels?.[key] ?? "") === (isNot === "");
  }
  if (term.startsWith("!")) return ({ metadata }) => metadata.labels?.[term.slice(1)] === undefined;
  const [, name = "", operator, value] = /^([^!=]+)(?:(!=|==?)(.*))?$/.exec(term) ?? [];
  if (operator === undefined) return ({ metadata }) => metadata.labels?.[name] !== undefined;
  return ({ metadata }) => (metadata.labels?.[name] === value) === (operator !== "!=");
}

function fieldTerm(term: string): Selection {
  const [, field, value] = /^metadata\.(name|namespace)==?(.*)$/.exec(term) ?? [];
  if (field === undefined) throw new Error(`Cannot select by "${term}": found no such field`);
  return ({ metadata }) => metadata[field] === value;
}
