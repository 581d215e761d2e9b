/** Longest session identifier taken, in UTF-16 code units: longer ones would size our memory. */
const maxLength = 256;

/** What a session-id producer found in a request; readers find it in `cycle.produced` under the producer's name. */
export class SessionId {
  /** undefined: the request names no session. */
  readonly value: string | undefined;

  constructor(value: string | undefined) {
    this.value = value;
  }
}

/** The identifier that a header or cookie holds, without spaces around it; undefined when there is none or it is too long. */
export function readSessionId(text: string | undefined): string | undefined {
  const id = text?.trim() ?? "";
  return id === "" || id.length > maxLength ? undefined : id;
}
