import type { HostEvent } from "./messages.ts";

/** What came last in one direction. `end`: the body's last byte. */
type Last = "nothing" | "headers" | "body" | "end" | "trailers";

const mayFollow: Readonly<Record<"headers" | "body" | "trailers", readonly Last[]>> = {
  headers: ["nothing"],
  body: ["headers", "body"],
  // Some hosts end a body and send its trailers all the same, which does no harm (protocol 1.2).
  trailers: ["headers", "body", "end"],
};

/** The order of one direction's messages: headers, bodies, trailers, nothing twice and no body behind an end (reliability T50). */
export class MessageOrder {
  #last: Last = "nothing";

  /** True, and the message counts as come, when it may stand here. */
  take(event: Exclude<HostEvent, { kind: "unknown" }>): boolean {
    if (!mayFollow[event.kind].includes(this.#last)) return false;
    this.#last = event.kind !== "trailers" && event.endOfStream ? "end" : event.kind;
    return true;
  }
}
