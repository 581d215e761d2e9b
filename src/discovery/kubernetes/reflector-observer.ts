import type { FaultReason } from "./reflector-fault.ts";

/** Hears what reflectors do. `kind` is the resource as in its path, with its group where there is one: `pods`, `inferencepools.inference.networking.k8s.io`. */
export interface ReflectorObserver {
  /** A whole list is in force. */
  listed(kind: string, objects: number): void;
  /** A watch was accepted. */
  watching(kind: string): void;
  /** The API server said something that holds what is known up to date: a list, a watch, an event, a bookmark. `objects`: how many are known. */
  heard(kind: string, objects: number): void;
  /** A list, a watch, a line or an object failed; what was known stays. */
  failed(kind: string, reason: FaultReason, detail: string): void;
  /** A check found that many objects other than they were known, and repaired them. */
  drifted(kind: string, objects: number): void;
  /** The reflector was closed; nothing is told of this kind any more. */
  closed(kind: string): void;
}
