import { field } from "./json-fields.ts";

/** Annotation of a pod that says which of its ports serve, and the name it had before; the first one wins (protocol 2). */
export const activePortsKeys = ["llm-d.ai/active-ports", "inference.networking.k8s.io/active-ports"] as const;

/** So much of an annotation is read: eight ports need 47 characters. */
const maxLength = 1024;

/**
 * The ports that a pod's annotations name, each once. Undefined: no annotation, all ports serve. An empty one names none.
 * Spaces around numbers do not matter; what is no port is left out. Of a text longer than 1,024 characters only the whole
 * numbers among the first 1,024 are read.
 */
export function readActivePorts(annotations: unknown): readonly number[] | undefined {
  const texts = activePortsKeys.map((key) => field(annotations, key));
  const text = texts.find((found) => typeof found === "string");
  if (typeof text !== "string") return undefined;
  const read = text.length > maxLength ? text.slice(0, text.lastIndexOf(",", maxLength) + 1) : text;
  const parts = read.split(",").map((part) => part.trim());
  const ports = parts.filter((part) => /^\+?\d+$/.test(part)).map(Number);
  return [...new Set(ports.filter((port) => port >= 1 && port <= 65_535))];
}
