import { wireBytes } from "../../fuzz/wire-bytes.ts";
import type { HeaderPairs } from "./ext-proc-client.ts";

/** One `ProcessingRequest` as bytes: headers, or a piece of a body and whether it is the last one. */
export function hostMessage(phase: "request" | "response", said: HeaderPairs | Uint8Array, end = false): Buffer {
  const event =
    said instanceof Uint8Array
      ? ({ kind: "body", phase, body: Buffer.from(said).toString("latin1"), end } as const)
      : ({ kind: "headers", phase, headers: said, end } as const);
  return Buffer.from(wireBytes({ do: "send", stream: 0, event, metadata: null, modes: [], mirror: false }), "latin1");
}
