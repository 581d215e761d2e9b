import type { DenialCode } from "../scheduling/denial.ts";
import type { HeaderPairs } from "../scheduling/roles.ts";
import type { Picked } from "../scheduling/schedule.ts";

/**
 * Every way to refuse a request, with its HTTP status and the code name that the body and `request_error_total` carry
 * (protocol 1.8, the fixed status map). The key is the value of the drop-reason header.
 */
export const refusals = {
  "rejected-bad-request": { status: 400, code: "BadRequest" },
  "rejected-body-timeout": { status: 408, code: "RequestTimeout" },
  "rejected-not-cached": { status: 412, code: "PreconditionFailed" },
  "rejected-body-too-large": { status: 413, code: "PayloadTooLarge" },
  "rejected-unsupported-encoding": { status: 415, code: "UnsupportedMediaType" },
  "rejected-saturated": { status: 429, code: "ResourceExhausted" },
  "rejected-internal": { status: 500, code: "Internal" },
  "rejected-overloaded": { status: 503, code: "ServiceUnavailable" },
  "rejected-no-endpoints": { status: 503, code: "ServiceUnavailable" },
} as const;

export type DropReason = keyof typeof refusals;

/** The request is answered by the picker. `message` holds no byte of the prompt. */
export interface Reject {
  readonly kind: "reject";
  readonly reason: DropReason;
  readonly message: string;
  /** When to try again, in whole seconds; undefined: nobody knows. */
  readonly retryAfterSeconds?: number;
  /** Admission refused it: nothing was scheduled; default false. */
  readonly isShed?: boolean;
}

/** The refusal of a plugin's denial, by its code. */
export const reasonOfCode: Readonly<Record<DenialCode, DropReason>> = {
  BadRequest: "rejected-bad-request",
  PreconditionFailed: "rejected-not-cached",
  ResourceExhausted: "rejected-saturated",
  Internal: "rejected-internal",
  ServiceUnavailable: "rejected-no-endpoints",
};

/** The request goes to the first endpoint picked; the others are fallbacks in order. */
export interface Forward {
  readonly kind: "forward";
  readonly picked: Picked;
  /** The endpoints' addresses joined by a bare comma: destination header and metadata (protocol 2). */
  readonly destination: string;
  /** Further headers to set on the request. */
  readonly headers: HeaderPairs;
  /** Total score of every candidate by address, where they were asked for (protocol 2). */
  readonly scores?: Readonly<Record<string, number>>;
}

/** How every request ends as far as the picker decides it. */
export type RouteDecision = Forward | Reject;

/** A refusal. */
export function reject(reason: DropReason, message: string): Reject {
  return { kind: "reject", reason, message };
}

/** HTTP status of a refusal. */
export function statusOf(refusal: Reject): number {
  return refusals[refusal.reason].status;
}

/** Code name of a refusal, as in `request_error_total{error_code}`. */
export function codeOf(refusal: Reject): string {
  return refusals[refusal.reason].code;
}

/** Body of the answer to the client. */
export function bodyOf(refusal: Reject): string {
  return `inference error: ${codeOf(refusal)} - ${refusal.message}`;
}
