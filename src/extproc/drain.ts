import type { EventEmitter } from "node:events";
import type { Server } from "@grpc/grpc-js";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Connections } from "./connections.ts";
import type { Health } from "./health.ts";

/** How long a server goes on after it was told to stop. */
export interface DrainLimits {
  /** New streams are taken for so long at most. */
  readonly windowMs: number;
  /** Streams that are open after so long, counted from the beginning, are cut. */
  readonly hardStopMs: number;
}

/** How a drain went. */
export interface DrainReport {
  /** Why it stopped taking streams: none had come for a while, its time was up, or somebody was in a hurry. */
  readonly windowEnd: "quiet" | "timeout" | "hurried";
  readonly durationMs: number;
  /** Streams that did not end by themselves. */
  readonly cutStreams: number;
}

/** No stream open and none come for so long, while health says not serving: the hosts have moved away. */
export const quietMs = 5000;

/** Time for hosts to answer the first GOAWAY (reliability F41). */
const noticeMs = 1000;

/** Time for connections to close once no stream is open on them. */
const lingerMs = 1000;

const pollMs = 20;

/** The open streams of a server. */
export class OpenStreams {
  readonly #clock: Clock;
  #count = 0;
  #openedAtMs = Number.NEGATIVE_INFINITY;
  #endedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  /** When the last stream was opened; minus infinity before the first. */
  get openedAtMs(): number {
    return this.#openedAtMs;
  }

  /** When the last stream ended; minus infinity before the first. */
  get endedAtMs(): number {
    return this.#endedAtMs;
  }

  /** Counts a stream that was opened, until it ends in any of a stream's ways. */
  track(call: EventEmitter): void {
    this.#count++;
    this.#openedAtMs = this.#clock.nowMs();
    let isOpen = true;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#count--;
      this.#endedAtMs = this.#clock.nowMs();
    };
    for (const event of ["end", "cancelled", "close", "error"]) call.on(event, close);
  }
}

/** What is drained. */
export interface Drained {
  readonly server: Server;
  readonly streams: OpenStreams;
  readonly connections: Connections;
  readonly health: Health;
  readonly clock: Clock;
}

/**
 * Stops a server whose health says not serving already, in three steps: takes new streams until the hosts have moved away
 * (no stream open and none come for 5 s) or the window is over; asks for no more of them and stops listening;
 * waits for open streams until the hard stop and cuts the rest. When `hurry` aborts, the steps that are left take no time.
 */
export async function drain(drained: Drained, limits: DrainLimits, hurry?: AbortSignal): Promise<DrainReport> {
  const { server, streams, connections, health, clock } = drained;
  const startedAtMs = clock.nowMs();
  const leftMs = (totalMs: number): number =>
    hurry?.aborted === true ? 0 : Math.max(0, startedAtMs + totalMs - clock.nowMs());
  const isQuiet = (): boolean =>
    streams.count === 0 && clock.nowMs() - Math.max(startedAtMs, streams.openedAtMs) >= quietMs;
  while (leftMs(limits.windowMs) > 0 && !isQuiet()) await sleep(clock, pollMs, hurry);
  const windowEnd = hurry?.aborted === true ? "hurried" : isQuiet() ? "quiet" : "timeout";
  await connections.announceEnd(clock, Math.min(noticeMs, leftMs(limits.hardStopMs)));
  health.close();
  let isClosed = false;
  const closingAtMs = clock.nowMs();
  server.tryShutdown(() => {
    isClosed = true;
  });
  const lingers = (): boolean =>
    streams.count > 0 || clock.nowMs() - Math.max(closingAtMs, streams.endedAtMs) < lingerMs;
  while (!isClosed && leftMs(limits.hardStopMs) > 0 && lingers()) await sleep(clock, pollMs, hurry);
  const cutStreams = streams.count;
  server.forceShutdown();
  connections.destroy();
  return { windowEnd, durationMs: clock.nowMs() - startedAtMs, cutStreams };
}
