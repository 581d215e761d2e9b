/** Code names of refusals (protocol 1.8); `routing` gives each its HTTP status. */
export type DenialCode = "BadRequest" | "PreconditionFailed" | "ResourceExhausted" | "Internal" | "ServiceUnavailable";

/** A plugin refuses the request. An expected outcome: a plugin that throws is a bug and answered with 500. */
export interface Denial {
  readonly kind: "denial";
  readonly code: DenialCode;
  /** Holds no byte of the prompt. */
  readonly message: string;
}

/** A refusal. */
export function deny(code: DenialCode, message: string): Denial {
  return { kind: "denial", code, message };
}
