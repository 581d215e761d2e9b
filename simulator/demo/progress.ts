import type { EndpointReport } from "../emulated-server/process-messages.ts";
import type { Outcome } from "../load/client.ts";
import type { ArmName } from "./report.ts";
import { type Percentiles, percentiles } from "./statistics.ts";

/** One endpoint as the live table shows it. */
export interface EndpointProgress {
  readonly name: string;
  readonly waiting: number;
  readonly running: number;
  /** 0..1. */
  readonly kvCacheRatio: number;
  /** Share of the requests answered so far, 0..1. */
  readonly share: number;
}

/** How far an arm is. */
export interface ArmProgress {
  readonly arm: ArmName;
  /** Since the first arrival was due; may go beyond `seconds` while the last answers come. */
  readonly elapsedSeconds: number;
  readonly seconds: number;
  readonly requests: number;
  readonly sent: number;
  readonly ended: number;
  readonly errors: number;
  /** Over all answers so far. */
  readonly ttftMs: Percentiles;
  readonly e2eMs: Percentiles;
  readonly endpoints: readonly EndpointProgress[];
}

/** Counts an arm's requests while it runs. */
export class ProgressCounter {
  readonly #outcomes: Outcome[] = [];
  readonly #endedAt = new Map<string, number>();
  #sent = 0;
  #errors = 0;

  sent(): void {
    this.#sent++;
  }

  ended(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    if (outcome.error !== undefined) this.#errors++;
    if (outcome.endpoint !== undefined) {
      this.#endedAt.set(outcome.endpoint, (this.#endedAt.get(outcome.endpoint) ?? 0) + 1);
    }
  }

  /** The state now, with what the endpoints say of themselves. */
  snapshot(
    where: Pick<ArmProgress, "arm" | "elapsedSeconds" | "seconds" | "requests">,
    reports: readonly EndpointReport[],
  ): ArmProgress {
    const good = this.#outcomes.filter(({ error }) => error === undefined);
    const ended = this.#outcomes.length;
    return {
      ...where,
      sent: this.#sent,
      ended,
      errors: this.#errors,
      ttftMs: percentiles(good.map(({ ttftMs }) => ttftMs)),
      e2eMs: percentiles(good.map(({ e2eMs }) => e2eMs)),
      endpoints: reports.map(({ name, load: { waiting, running, kvCacheRatio } }) => {
        return { name, waiting, running, kvCacheRatio, share: (this.#endedAt.get(name) ?? 0) / Math.max(1, ended) };
      }),
    };
  }
}
