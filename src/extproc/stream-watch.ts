import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { Clock } from "../lib/clock.ts";
import { onClosed } from "./grpc-internals.ts";

/** Told of streams as they open and end. */
export interface StreamObserver {
  readonly opened: () => void;
  /** `code`: the gRPC status that the stream ended with, as gRPC for Go writes it: OK, Canceled, InvalidArgument. */
  readonly ended: (code: string, durationMs: number) => void;
}

/** Tells of a stream that has just opened, until it ends in any of a stream's ways. */
export function watchStream(call: ServerDuplexStream<unknown, unknown>, clock: Clock, observer: StreamObserver): void {
  const openedAtMs = clock.nowMs();
  observer.opened();
  onClosed(call, (code = status.CANCELLED) => observer.ended(codeName(code), clock.nowMs() - openedAtMs));
}

function codeName(code: number): string {
  if (code === status.OK) return "OK";
  if (code === status.CANCELLED) return "Canceled";
  const words = (status[code] ?? "UNKNOWN").split("_");
  return words.map((word) => word.charAt(0) + word.slice(1).toLowerCase()).join("");
}
