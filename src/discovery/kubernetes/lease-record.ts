import { at, textAt } from "./json-fields.ts";

/** What a Lease of `coordination.k8s.io/v1` says, as far as an election looks at it. */
export interface LeaseRecord {
  /** Who holds it; "" when nobody does. */
  readonly holder: string;
  /** For how long a holder keeps it after a sign of life. */
  readonly durationMs: number;
  /** Changes of the holder so far. */
  readonly transitions: number;
  /** When the holder got it, as written. */
  readonly acquireTime: string | undefined;
  /** Grows with every write; how a reader notices a sign of life, whatever the clocks of others say. */
  readonly version: string;
  /** The whole object, to be sent back with changes. */
  readonly object: Readonly<Record<string, unknown>>;
}

/** Reads a Lease; undefined when it is no object with a version. A duration that is missing or wild is `defaultMs`. */
export function readLease(object: unknown, defaultMs: number): LeaseRecord | undefined {
  const version = textAt(object, "metadata", "resourceVersion");
  if (version === undefined) return undefined;
  const seconds = at(object, "spec", "leaseDurationSeconds");
  const transitions = at(object, "spec", "leaseTransitions");
  const isLegal = typeof seconds === "number" && seconds >= 1 && seconds <= maxDurationSeconds;
  return {
    holder: textAt(object, "spec", "holderIdentity") ?? "",
    durationMs: isLegal ? seconds * 1000 : defaultMs,
    transitions: typeof transitions === "number" && Number.isSafeInteger(transitions) ? transitions : 0,
    acquireTime: textAt(object, "spec", "acquireTime"),
    version,
    object: object as Record<string, unknown>,
  };
}

/** Nobody waits longer than an hour for a holder that shows no sign of life. */
const maxDurationSeconds = 3600;

/** What a holder writes. */
export interface LeaseClaim {
  /** "" gives the lease up. */
  readonly holder: string;
  readonly durationMs: number;
  /** Wall time of the writer, for people. */
  readonly wallMs: number;
}

/** The `spec` of a lease that is taken, renewed or given up, after `before`. */
export function claimedSpec(claim: LeaseClaim, before: LeaseRecord | undefined): Readonly<Record<string, unknown>> {
  const { holder, durationMs, wallMs } = claim;
  const now = microTime(wallMs);
  const isSame = before?.holder === holder;
  const isTaken = before !== undefined && holder !== "" && !isSame;
  return {
    holderIdentity: holder,
    leaseDurationSeconds: Math.round(durationMs / 1000),
    acquireTime: isSame ? (before.acquireTime ?? now) : now,
    renewTime: now,
    leaseTransitions: (before?.transitions ?? 0) + (isTaken ? 1 : 0),
  };
}

/** A time as Kubernetes' MicroTime has it: RFC 3339 in UTC with six digits after the point. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("Z", "000Z");
}
