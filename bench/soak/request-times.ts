import type { LoadTarget, Outcome } from "../../simulator/load/client.ts";
import type { LoadRequest } from "../../simulator/load/load-request.ts";
import { systemClock } from "../../src/lib/clock.ts";

/** When requests of a load were sent and ended, by the system's clock. */
export class RequestTimes {
  readonly #times = new Map<number, { sentAtMs: number; endedAtMs: number }>();

  /** To be given to the load. */
  readonly observer: Pick<LoadTarget, "sent" | "ended"> = {
    sent: ({ id }: LoadRequest) => {
      this.of(id).sentAtMs = systemClock.nowMs();
    },
    ended: ({ request }: Outcome) => {
      this.of(request.id).endedAtMs = systemClock.nowMs();
    },
  };

  /** NaN for what has not happened. */
  of(id: number): { sentAtMs: number; endedAtMs: number } {
    const times = this.#times.get(id) ?? { sentAtMs: Number.NaN, endedAtMs: Number.NaN };
    this.#times.set(id, times);
    return times;
  }
}
