/**
 * Runs one replica in real time: sleeps to the end of each step and hands out its tokens. Steps follow the model's own
 * time line: a step begins where the one before ended, however late the process woke up, so a busy process delays
 * single tokens but does not slow the emulated server down.
 */
import type { Clock } from "../../src/lib/clock.ts";
import type { ReplicaEvent } from "../replica/events.ts";
import type { ReplicaLoad } from "../replica/load.ts";
import type { Replica } from "../replica/replica.ts";
import type { ReplicaRequest } from "../replica/sequence.ts";

/** Told of every token of one request. `atMs` is the end of the step on the clock's time line. */
export type TokenListener = (event: ReplicaEvent, atMs: number) => void;

/** Steps that a late process makes up for before it lets other work in. */
const maxStepsAtOnce = 64;

/** Drives a replica by a clock. */
export class Engine {
  readonly #replica: Replica;
  readonly #clock: Clock;
  readonly #stepped: (tokens: number) => void;
  readonly #listeners = new Map<number, TokenListener>();
  #cancelTimer: (() => void) | undefined = undefined;
  /** End of the step under way; undefined between steps. */
  #stepEndMs: number | undefined = undefined;
  /** No step may start before. */
  #modelMs: number;
  #slowFactor = 1;
  #isHanging = false;
  #isRunning = false;
  #lastStep: ReplicaLoad;

  /** `stepped` is told after every step how many tokens it gave. */
  constructor(replica: Replica, clock: Clock, stepped: (tokens: number) => void) {
    this.#replica = replica;
    this.#clock = clock;
    this.#stepped = stepped;
    this.#modelMs = clock.nowMs();
    this.#lastStep = replica.load();
  }

  /** State now. */
  load(): ReplicaLoad {
    return this.#replica.load();
  }

  /** State at the end of the last step, which is what an engine's metrics show. */
  loadAtLastStep(): ReplicaLoad {
    return this.#lastStep;
  }

  /** Starts a request; `listener` gets its tokens. Throws RangeError for a request that can never run. */
  generate(request: ReplicaRequest, listener: TokenListener): void {
    this.#replica.submit(request, this.#clock.nowMs());
    this.#listeners.set(request.id, listener);
    if (this.#stepEndMs === undefined) this.#run();
  }

  /** Ends a request; nothing when it has ended. */
  cancel(id: number): void {
    this.#listeners.delete(id);
    this.#replica.cancel(id);
  }

  /** Steps take `factor` times as long from the next one on. */
  slowDown(factor: number): void {
    this.#slowFactor = factor;
  }

  /** While hanging no step ends or starts; afterwards the engine goes on as if the time had not passed. */
  hang(isHanging: boolean): void {
    this.#isHanging = isHanging;
    if (isHanging) return;
    this.#modelMs = Math.max(this.#modelMs, this.#clock.nowMs());
    if (this.#stepEndMs !== undefined) this.#stepEndMs = Math.max(this.#stepEndMs, this.#modelMs);
    this.#run();
  }

  /** Stops for good; listeners hear nothing more. */
  close(): void {
    this.#isHanging = true;
    this.#cancelTimer?.();
    this.#listeners.clear();
  }

  /** Does what is due and sets the timer for what comes next. */
  #run(): void {
    // A listener that starts a request comes back here.
    if (this.#isRunning || this.#isHanging) return;
    this.#isRunning = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const dueMs = this.#catchUp();
    if (dueMs !== undefined) this.#wakeAfter(dueMs - this.#clock.nowMs());
    this.#isRunning = false;
  }

  /** Ends and starts steps up to now; returns when the next thing is due. */
  #catchUp(): number | undefined {
    for (let steps = 0; steps < maxStepsAtOnce; steps++) {
      const dueMs = this.#stepEndMs ?? this.#startStep();
      if (dueMs === undefined || dueMs > this.#clock.nowMs()) return dueMs;
      if (this.#stepEndMs === undefined) this.#modelMs = Math.max(this.#modelMs, dueMs);
      else this.#finishStep(this.#stepEndMs);
    }
    return this.#modelMs;
  }

  #wakeAfter(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(Math.ceil(Math.max(0, delayMs)), () => this.#run());
  }

  /** Returns when something is due: the end of the step it started, or the moment to try again. */
  #startStep(): number | undefined {
    const endMs = this.#replica.startStep(this.#modelMs);
    if (endMs === undefined) return this.#replica.wakeAtMs();
    this.#stepEndMs = this.#modelMs + (endMs - this.#modelMs) * this.#slowFactor;
    return this.#stepEndMs;
  }

  #finishStep(endMs: number): void {
    const events = this.#replica.finishStep();
    this.#stepEndMs = undefined;
    this.#modelMs = endMs;
    this.#lastStep = this.#replica.load();
    this.#stepped(events.length);
    for (const event of events) {
      const listener = this.#listeners.get(event.id);
      if (listener === undefined || event.kind !== "token") continue;
      if (event.isLast) this.#listeners.delete(event.id);
      listener(event, endMs);
    }
  }
}
