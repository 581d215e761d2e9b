import { type BodyMode, bodyModes, type Phase } from "../src/extproc/messages.ts";
import type { Send, WireEvent } from "./stream-case.ts";

/** How far a direction has come. */
type Progress = "nothing" | "headers" | "body" | "ended";

/** What a host that keeps the protocol may send on one stream (protocol 1.2): the model that streams are compared with. */
export class HostGrammar {
  /** Everything so far was as it should be. */
  isLegal = true;
  readonly #progress: Record<Phase, Progress> = { request: "nothing", response: "nothing" };
  /** The response began before the request was decided: nothing is picked any more. */
  isAnsweredEarly = false;
  #modes: Record<Phase, BodyMode> = { request: "full-duplex-streamed", response: "full-duplex-streamed" };
  #hasBegun = false;

  /** Body mode of a direction. */
  mode(phase: Phase): BodyMode {
    return this.#modes[phase];
  }

  /** All of a direction was sent. */
  hasEnded(phase: Phase): boolean {
    return this.#progress[phase] === "ended";
  }

  /** The picker has all that it decides on. */
  get isDecidable(): boolean {
    const [progress, mode] = [this.#progress.request, this.#modes.request];
    if (mode === "full-duplex-streamed") return progress === "ended";
    return isWhole(mode) ? progress === "body" || progress === "ended" : progress !== "nothing";
  }

  /** Takes the next message. */
  take({ event, modes, mirror }: Send): void {
    const wasDecidable = this.isDecidable;
    const [request, response] = modes;
    if (request !== undefined && response !== undefined) {
      // Said once, with the first message; one that nobody knows may come before it.
      if (this.#hasBegun) this.isLegal = false;
      else this.#modes = { request: bodyModes[request] ?? "none", response: bodyModes[response] ?? "none" };
    }
    if (mirror) this.isLegal = false;
    if (event.kind === "unknown") return;
    this.#hasBegun = true;
    if (!this.#allows(event)) this.isLegal = false;
    if (!this.isLegal) return;
    if (event.phase === "response" && event.kind === "headers" && !wasDecidable) this.isAnsweredEarly = true;
    this.#advance(event);
  }

  #allows(event: Exclude<WireEvent, { kind: "unknown" }>): boolean {
    const { phase, kind } = event;
    const [progress, mode] = [this.#progress[phase], this.#modes[phase]];
    // Once the host has answered by itself, the rest of the request goes nowhere.
    if (phase === "request" && this.isAnsweredEarly) return false;
    if (phase === "request" && kind === "headers" && this.#progress.response !== "nothing") return false;
    switch (kind) {
      case "headers":
        return progress === "nothing";
      case "body":
        if (mode === "none") return false;
        return progress === "headers" || (progress === "body" && !isWhole(mode));
      case "trailers":
        return progress === "headers" || progress === "body";
    }
  }

  #advance(event: Exclude<WireEvent, { kind: "unknown" }>): void {
    const isEnd = event.kind === "trailers" || event.end;
    this.#progress[event.phase] = isEnd ? "ended" : event.kind === "headers" ? "headers" : "body";
  }
}

function isWhole(mode: BodyMode): boolean {
  return mode === "buffered" || mode === "buffered-partial";
}
