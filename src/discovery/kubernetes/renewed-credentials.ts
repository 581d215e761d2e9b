import type { Clock } from "../../lib/clock.ts";
import type { ClusterAccess, Credentials } from "./cluster-access.ts";

/** How long what was read counts: tokens of pods are replaced minutes before they end, so that half a minute is early enough. */
const freshMs = 30_000;

/**
 * Credentials that follow their files. What was read once stays in force while it cannot be read again: half-written files
 * and plugins that fail cost nothing but a report (reliability F37, F68).
 */
export class RenewedCredentials {
  readonly #access: ClusterAccess;
  readonly #clock: Clock;
  readonly #onProblem: (message: string) => void;
  #last: Credentials | undefined;
  #readAtMs = 0;
  #reading: Promise<Credentials> | undefined;

  /** `onProblem` is told each time that credentials cannot be read anew. */
  constructor(access: ClusterAccess, clock: Clock, onProblem: (message: string) => void) {
    this.#access = access;
    this.#clock = clock;
    this.#onProblem = onProblem;
  }

  /** What is in force; read anew every 30 s. Rejects only while nothing was ever read. */
  current(): Promise<Credentials> {
    if (this.#last !== undefined && this.#clock.nowMs() - this.#readAtMs < freshMs) return Promise.resolve(this.#last);
    return this.#read(false);
  }

  /** Reads anew since `refused` does not do, unless that happened already; resolves with what is in force then. */
  renew(refused: Credentials): Promise<Credentials> {
    if (this.#last !== undefined && this.#last !== refused) return Promise.resolve(this.#last);
    return this.#read(true);
  }

  /** The next request reads anew. */
  expire(): void {
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }

  #read(isForced: boolean): Promise<Credentials> {
    this.#reading ??= this.#access
      .read(isForced)
      .then((read) => (this.#last = read))
      .catch((error: Error) => {
        if (this.#last === undefined) throw error;
        this.#onProblem(error.message);
        return this.#last;
      })
      .finally(() => {
        this.#readAtMs = this.#clock.nowMs();
        this.#reading = undefined;
      });
    return this.#reading;
  }
}
