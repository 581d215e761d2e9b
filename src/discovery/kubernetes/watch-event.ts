import { faultOfErrorEvent, ReflectorFault } from "./reflector-fault.ts";
import { metadataOf } from "./kubernetes-object.ts";

/** One line of a watch. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: unknown;
  readonly resourceVersion: string;
}

const types: readonly string[] = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];

/** Reads a line; throws a `ReflectorFault` for one that is no event, of an unknown type or an ERROR. */
export function readWatchEvent(line: string): WatchEvent {
  const { type, object } = parse(line);
  if (type === "ERROR") throw faultOfErrorEvent(object);
  if (typeof type !== "string" || !types.includes(type)) {
    throw new ReflectorFault("unknown-event", `watch: found an event of type "${String(type).slice(0, 40)}"`);
  }
  const { resourceVersion } = metadataOf(object);
  if (typeof resourceVersion !== "string" || resourceVersion === "") {
    throw new ReflectorFault("broken-line", `watch: found an event of type "${type}" without resourceVersion`);
  }
  return { type: type as WatchEvent["type"], object, resourceVersion };
}

function parse(line: string): { readonly type?: unknown; readonly object?: unknown } {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event === "object" && event !== null && "type" in event) return event;
  } catch {
    // Said below, as of any line that is no event.
  }
  throw new ReflectorFault("broken-line", `watch: found a line of ${line.length} characters that is no event`);
}
