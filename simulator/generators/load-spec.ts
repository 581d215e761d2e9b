import type { RequestTable } from "../engine/request-table.ts";
import { type ConversationTrace, generateConversationTrace } from "./conversation-trace.ts";
import { generateSessions, type Sessions } from "./sessions.ts";
import { generateSharedPrefixes, type SharedPrefixes } from "./shared-prefixes.ts";
import { generateSingleRequests, type SingleRequests } from "./single-requests.ts";

/** A generated load as data, all but the seed. */
export type LoadSpec =
  | ({ readonly kind: "single-requests" } & Omit<SingleRequests, "seed">)
  | ({ readonly kind: "shared-prefixes" } & Omit<SharedPrefixes, "seed">)
  | ({ readonly kind: "sessions" } & Omit<Sessions, "seed">)
  | ({ readonly kind: "conversation-trace" } & Omit<ConversationTrace, "seed">);

/** What of a load is changed. */
export interface LoadSizing {
  /** Requests; default: those of the load. */
  readonly requests?: number;
  /** Rate, or users of a closed loop, over that of the load, above 0; default 1. Users are rounded, at least 1. */
  readonly scale?: number;
}

/** The load of a spec. The same seed gives the same lengths and prefixes at every scale. Throws RangeError for a part out of range. */
export function generateLoad(spec: LoadSpec, seed: number, sizing: LoadSizing = {}): RequestTable {
  const { requests = spec.requests, scale = 1 } = sizing;
  if (!(Number.isSafeInteger(requests) && requests >= 1)) {
    throw new RangeError(`Cannot generate a load of "${requests}" requests: expected a whole number from 1`);
  }
  if (!(scale > 0 && scale < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`Cannot scale a load by "${scale}": expected a finite number above 0`);
  }
  switch (spec.kind) {
    case "single-requests":
      return generateSingleRequests({ ...spec, seed, requests, ratePerSecond: spec.ratePerSecond * scale });
    case "shared-prefixes":
      return generateSharedPrefixes({ ...spec, seed, requests, ratePerSecond: spec.ratePerSecond * scale });
    case "conversation-trace":
      return generateConversationTrace({ ...spec, seed, requests, ratePerSecond: spec.ratePerSecond * scale });
    case "sessions":
      return generateSessions({ ...spec, seed, requests, starts: scaleStarts(spec.starts, scale) });
  }
}

function scaleStarts(starts: Sessions["starts"], scale: number): Sessions["starts"] {
  if (starts.kind === "open") return { ...starts, ratePerSecond: starts.ratePerSecond * scale };
  return { ...starts, users: Math.max(1, Math.round(starts.users * scale)) };
}
