import type { Clock } from "../lib/clock.ts";
import type { Followed } from "../discovery/kubernetes/follow.ts";
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
export class FollowLog {
  readonly #logger: Logger;
  readonly #seldom: SeldomLog;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#seldom = new SeldomLog(clock);
  }

  /** An observer for one collection. `isOptional`: that the API server does not know it needs no line. */
  observer({ isOptional, onFailed }: Pick<Followed<unknown>, "isOptional" | "onFailed">): ReflectorObserver {
    return {
      listed: () => {},
      watching: () => {},
      heard: () => {},
      closed: () => {},
      failed: (kind, reason, detail) => {
        onFailed?.(reason);
        if (reason === "absent" && isOptional === true) return;
        const message = advice[reason] ?? "Cannot follow for now: asking again, what is known stays";
        this.#seldom.about(`${kind} ${reason}`, () => this.#logger.warn({ kind, reason, detail }, message));
      },
      drifted: (kind, objects) => this.#logger.warn({ kind, objects }, "Objects were not known as they are: repaired"),
    };
  }
}
