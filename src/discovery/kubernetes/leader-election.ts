import { type Clock, sleep } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import type { ApiServer } from "./api-server.ts";
import type { ElectionTiming } from "./election-timing.ts";
import { LeaseObject } from "./lease-object.ts";
import type { LeaseClaim, LeaseRecord } from "./lease-record.ts";
import { type FaultReason, ReflectorFault } from "./reflector-fault.ts";

/** Why a leader leads no longer. */
export type LossReason = "deadline" | "taken" | "released";

/** Looks for the next holder in one retry period: a follower takes a lease that was given up within half of one. */
const successorLooks = 8;

/** Told of what happens in an election, as this candidate sees it. */
export interface ElectionObserver {
  /** This candidate leads. */
  readonly led: () => void;
  /** It led and does not any more: not renewed in time, taken by another, or given up at its end. */
  readonly lost: (why: LossReason) => void;
  /** Another candidate holds the lease, one that did not before. */
  readonly follows: (holder: string) => void;
  /** A look at the lease or a write to it failed. `message` names both. */
  readonly failed: (reason: FaultReason | "conflict", message: string) => void;
}

/** What a candidate needs. */
export interface ElectionOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  /** Name of the Lease. */
  readonly name: string;
  /** Unlike that of every other candidate, also of those before a restart. */
  readonly identity: string;
  readonly timing: ElectionTiming;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: ElectionObserver;
}

/**
 * A candidate for the lead among the pickers of a pool, by a Lease (reliability F35, F45).
 *
 * Others' clocks are not trusted: a lease is over when it has not changed for its duration, measured here since the change
 * was seen. A leader leads until the renew deadline after the last renewal was sent, which is before anybody else can see the
 * lease as over, whatever the process was doing meanwhile.
 */
export class LeaderElection {
  readonly #options: ElectionOptions;
  readonly #lease: LeaseObject;
  readonly #ending = new AbortController();
  #seen: LeaseRecord | undefined;
  #seenAtMs = Number.NEGATIVE_INFINITY;
  #leadsUntilMs = Number.NEGATIVE_INFINITY;
  #hasTold = false;
  /** A claim was sent that may be in force. */
  #mayHold = false;
  #toldHolder = "";
  #cancelDeadline = (): void => {};
  #running: Promise<void> = Promise.resolve();

  constructor(options: ElectionOptions) {
    this.#options = options;
    const { api, namespace, name, timing } = options;
    const timeoutMs = timing.renewDeadlineMs / 2;
    this.#lease = new LeaseObject({ api, namespace, name, timeoutMs, defaultDurationMs: timing.leaseMs });
  }

  /** Whether this candidate leads at this moment, by its own clock: false after a pause, before anything else is known. */
  get leads(): boolean {
    return this.#options.clock.nowMs() < this.#leadsUntilMs;
  }

  /** Begins to stand for the lead; once, and not after `close`. */
  start(): void {
    if (!this.#ending.signal.aborted) this.#running = this.#run();
  }

  /** Leads no longer, and gives the lease up where it is held. Takes half the renew deadline at most; never rejects. */
  async close(): Promise<void> {
    this.#leadsUntilMs = Number.NEGATIVE_INFINITY;
    this.#ending.abort();
    this.#lose("released");
    await this.#running;
    if (this.#mayHold) await this.#release();
  }

  /** Looks, after `close`, until another holds the lease, and says who; undefined when `signal` aborted before. Never rejects. */
  async successor(signal: AbortSignal): Promise<string | undefined> {
    const { clock, timing, identity } = this.#options;
    while (!signal.aborted) {
      const holder = await this.#holder(signal);
      if (holder !== "" && holder !== identity) return holder;
      await sleep(clock, timing.retryMs / successorLooks, signal);
    }
    return undefined;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const isAnswered = await this.#attempt();
      await sleep(clock, this.#waitMs(isAnswered), signal);
    }
  }

  /** One look at the lease, with a write if it may be taken or renewed; false when there was no usable answer. */
  async #attempt(): Promise<boolean> {
    const { signal } = this.#ending;
    try {
      if (this.leads && this.#seen !== undefined && (await this.#claim(this.#seen))) return true;
      const found = await this.#lease.read(signal);
      if (found !== undefined) this.#see(found);
      if (this.#isFree()) await this.#claim(found);
      return true;
    } catch (error) {
      if (!(error instanceof ReflectorFault)) throw error;
      if (!signal.aborted) this.#options.observer.failed(error.reason, error.message);
      return false;
    }
  }

  /** Writes this candidate into the lease, over `before` or as a new one; false when another write came first. */
  async #claim(before: LeaseRecord | undefined): Promise<boolean> {
    const { clock, timing, observer, name } = this.#options;
    const { signal } = this.#ending;
    const sentAtMs = clock.nowMs();
    const claim = this.#claimOf(this.#options.identity);
    this.#mayHold = true;
    const record = await (before === undefined
      ? this.#lease.create(claim, signal)
      : this.#lease.update(claim, before, signal));
    if (record === undefined) {
      observer.failed("conflict", `update lease "${name}": another write came first`);
      return false;
    }
    this.#see(record);
    if (signal.aborted || record.holder !== this.#options.identity) return true;
    this.#lead(sentAtMs + timing.renewDeadlineMs);
    return true;
  }

  #claimOf(holder: string): LeaseClaim {
    const { clock, timing } = this.#options;
    return { holder, durationMs: timing.leaseMs, wallMs: clock.wallMs() };
  }

  /** A lease that vanished counts as held until it would be over: its holder may still lead. */
  #isFree(): boolean {
    const { clock, identity } = this.#options;
    const { holder = "", durationMs = 0 } = this.#seen ?? {};
    return holder === "" || holder === identity || clock.nowMs() >= this.#seenAtMs + durationMs;
  }

  #see(record: LeaseRecord): void {
    const { clock, identity, observer } = this.#options;
    if (record.version !== this.#seen?.version) this.#seenAtMs = clock.nowMs();
    this.#seen = record;
    if (record.holder === identity) return;
    this.#mayHold = false;
    this.#leadsUntilMs = Number.NEGATIVE_INFINITY;
    this.#lose("taken");
    if (record.holder === this.#toldHolder) return;
    this.#toldHolder = record.holder;
    if (record.holder !== "") observer.follows(record.holder);
  }

  #lead(untilMs: number): void {
    const { clock, observer } = this.#options;
    this.#leadsUntilMs = untilMs;
    this.#toldHolder = "";
    this.#watchDeadline();
    if (this.#hasTold || clock.nowMs() >= untilMs) return;
    this.#hasTold = true;
    observer.led();
  }

  #watchDeadline(): void {
    const { clock } = this.#options;
    this.#cancelDeadline();
    this.#cancelDeadline = clock.after(this.#leadsUntilMs - clock.nowMs(), () => {
      // A timer may be early by a fraction of a millisecond.
      if (this.leads) this.#watchDeadline();
      else this.#lose("deadline");
    });
  }

  #lose(why: LossReason): void {
    this.#cancelDeadline();
    if (!this.#hasTold) return;
    this.#hasTold = false;
    this.#options.observer.lost(why);
  }

  /** Followers come back when the lease would be over, if that is sooner, and not all at once. */
  #waitMs(isAnswered: boolean): number {
    const { clock, random, timing, identity } = this.#options;
    const isOwn = this.#seen?.holder === identity;
    if (isOwn || !isAnswered) return timing.retryMs;
    const lookMs = (timing.retryMs / 2) * (0.8 + 0.2 * random());
    const { durationMs = 0 } = this.#seen ?? {};
    const leftMs = this.#seenAtMs + durationMs - clock.nowMs();
    return leftMs > 0 ? Math.min(lookMs, leftMs) : lookMs;
  }

  /** Who holds the lease; "" when nobody does, or there is no answer. */
  async #holder(signal: AbortSignal): Promise<string> {
    try {
      return (await this.#lease.read(signal))?.holder ?? "";
    } catch (error) {
      if (!(error instanceof ReflectorFault)) throw error;
      if (!signal.aborted) this.#options.observer.failed(error.reason, error.message);
      return "";
    }
  }

  /** The lease may have been renewed by a write whose answer was not waited for, so it is read first. */
  async #release(): Promise<void> {
    const { clock, identity, observer, timing } = this.#options;
    const late = new AbortController();
    const cancel = clock.after(timing.renewDeadlineMs / 2, () => late.abort());
    try {
      for (let attempt = 0; attempt < 2; attempt++) {
        const found = await this.#lease.read(late.signal);
        if (found?.holder !== identity) return;
        if ((await this.#lease.update(this.#claimOf(""), found, late.signal)) !== undefined) return;
      }
    } catch (error) {
      if (!(error instanceof ReflectorFault)) throw error;
      observer.failed(error.reason, error.message);
    } finally {
      cancel();
    }
  }
}
