import type { Clock } from "../lib/clock.ts";
import type { ReflectorObserver } from "../discovery/kubernetes/reflector-observer.ts";
import type { Logger } from "../telemetry/logger.ts";
import { SeldomLog } from "../telemetry/seldom-log.ts";

/** What to do about a failure, by its reason; absent: it passes by itself. */
const advice: Readonly<Record<string, string>> = {
  absent: "Unknown to the API server: is the CRD installed? Asking again until it is there",
  forbidden: "Forbidden by the API server: does the Role allow get, list and watch? Asking again, what is known stays",
  unauthorized: "Credentials refused by the API server: reading them anew, what is known stays",
};

/** Logs what goes wrong while collections are followed: one line a kind, reason and minute. */
export class FollowLog implements ReflectorObserver {
  readonly #logger: Logger;
  readonly #seldom: SeldomLog;
  readonly #optional = new Set<string>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#seldom = new SeldomLog(clock);
  }

  /** That a kind is unknown to the API server is no failure. */
  expectAbsence(kind: string): void {
    this.#optional.add(kind);
  }

  listed(): void {}

  watching(): void {}

  heard(): void {}

  failed(kind: string, reason: string, detail: string): void {
    if (reason === "absent" && this.#optional.has(kind)) return;
    const message = advice[reason] ?? "Cannot follow for now: asking again, what is known stays";
    this.#seldom.about(`${kind} ${reason}`, () => this.#logger.warn({ kind, reason, detail }, message));
  }

  drifted(kind: string, objects: number): void {
    this.#logger.warn({ kind, objects }, "Objects were not known as they are: repaired");
  }

  closed(): void {}
}
