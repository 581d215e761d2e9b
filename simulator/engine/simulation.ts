import { refused } from "../policies/policy.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import { createExactReplica } from "../replica/exact-replica.ts";
import { createMacroReplica } from "../replica/macro-replica.ts";
import type { ReplicaListener, VirtualReplica } from "../replica/virtual-replica.ts";
import { ArrivalQueue } from "./arrival-queue.ts";
import { readInformation } from "./information.ts";
import type { Information, SimulationOptions } from "./options.ts";
import { Patience } from "./patience.ts";
import { Pickers } from "./pickers.ts";
import { PoolChanges } from "./pool-changes.ts";
import { planPool, type PoolPlan, sumByReplica, toReplicas } from "./pool-plan.ts";
import { PoolSampler } from "./pool-sampler.ts";
import { ReplicaRequests } from "./replica-requests.ts";
import { none } from "./request-table.ts";
import { RunRecord } from "./run-record.ts";
import type { Outcome, ReplicaTotals, SimulationRun } from "./simulation-run.ts";
import { streamsOf } from "./streams.ts";
import { TimeHeap } from "./time-heap.ts";
import { VisibleRequests } from "./visible-requests.ts";

const never = Number.POSITIVE_INFINITY;

/**
 * One run; see `simulate`. At one instant steps end first, then samples are taken, of the series and by pickers, then the pool
 * changes, clients go away, requests are decided, and requests arrive. A replica is one incarnation here, until the result.
 */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #information: Information;
  readonly #plan: PoolPlan;
  readonly #configs: readonly ReplicaConfig[];
  readonly #pool: VirtualReplica[];
  /** When each replica has something to tell. */
  readonly #nextMs: Float64Array;
  readonly #pickers: Pickers;
  readonly #changes: PoolChanges;
  readonly #arrivals: ArrivalQueue;
  readonly #undecided = new TimeHeap();
  readonly #patience: Patience;
  readonly #visible: VisibleRequests;
  readonly #sent: ReplicaRequests;
  readonly #series: PoolSampler;
  readonly #record: RunRecord;
  readonly #endMs: number;
  #nowMs = 0;

  constructor(options: SimulationOptions) {
    const { requests, pool, seed, endMs = never, timeoutMs = never, seriesMs = 1000 } = options;
    for (const [name, ms] of Object.entries({ endMs, timeoutMs, seriesMs })) {
      if (!(ms > 0)) throw fieldError(name, ms, "a number above 0");
    }
    this.#options = options;
    this.#information = readInformation(options.information);
    this.#plan = planPool(pool);
    this.#configs = this.#plan.incarnations.map(({ config }) => config);
    this.#record = new RunRecord(requests.count, this.#configs.length);
    const create = pool.mode === "exact" ? createExactReplica : createMacroReplica;
    this.#pool = this.#configs.map((config, replica) => create(config, this.#listener(replica)));
    this.#nextMs = new Float64Array(this.#configs.length).fill(never);
    this.#pickers = new Pickers(options, this.#information, this.#plan, this.#pool);
    this.#changes = new PoolChanges(this.#plan.changes, {
      replicas: this.#pool,
      nextMs: this.#nextMs,
      pickers: this.#pickers,
      record: this.#record,
      failed: (row, nowMs) => this.#end(row, "failed", nowMs),
    });
    this.#arrivals = new ArrivalQueue(requests);
    this.#patience = new Patience(timeoutMs, requests.count, this.#record);
    this.#visible = new VisibleRequests(requests, streamsOf(seed, "policy"), this.#information.oracleLengths);
    this.#sent = new ReplicaRequests(requests);
    this.#series = new PoolSampler(seriesMs, this.#plan);
    this.#endMs = endMs;
  }

  /** To be called once. */
  run(): SimulationRun {
    for (;;) {
      const stepping = this.#nextReplica();
      const workMs = Math.min(stepping === none ? never : (this.#nextMs[stepping] as number), this.#nextOtherMs());
      if (workMs === never) break;
      const atMs = Math.min(workMs, this.#changes.nextMs);
      const isPastEnd = atMs > this.#endMs;
      const isStep = !isPastEnd && stepping !== none && this.#nextMs[stepping] === atMs;
      this.#nowMs = isPastEnd ? this.#endMs : atMs;
      this.#takeSamples(this.#nowMs, !isStep);
      if (isPastEnd) break;
      if (isStep) this.#step(stepping, atMs);
      else this.#handle(atMs);
    }
    return this.#result();
  }

  /** The replica that has something to tell before the others. */
  #nextReplica(): number {
    let next = none;
    let atMs = never;
    for (let replica = 0; replica < this.#nextMs.length; replica++) {
      const nextMs = this.#nextMs[replica] as number;
      if (nextMs < atMs) [atMs, next] = [nextMs, replica];
    }
    return next;
  }

  #nextOtherMs(): number {
    return Math.min(this.#arrivals.nextMs, this.#undecided.nextMs, this.#patience.nextMs);
  }

  #handle(nowMs: number): void {
    if (this.#changes.nextMs === nowMs) this.#changes.apply();
    else if (this.#patience.nextMs === nowMs) this.#giveUp(this.#patience.take(), nowMs);
    else if (this.#undecided.nextMs === nowMs) this.#decide(this.#undecided.take(), nowMs);
    else this.#arrive(this.#arrivals.take(), nowMs);
  }

  #step(replica: number, nowMs: number): void {
    this.#pickers.catchUp(replica, nowMs, false);
    (this.#pool[replica] as VirtualReplica).advance(nowMs);
    this.#look(replica);
  }

  #look(replica: number): void {
    this.#nextMs[replica] = (this.#pool[replica] as VirtualReplica).nextEventMs();
  }

  #arrive(row: number, nowMs: number): void {
    this.#record.arrivedMs[row] = nowMs;
    this.#patience.start(row);
    const tokens = this.#options.requests.promptTokens[row] as number;
    const decidedMs = this.#pickers.queue(this.#pickers.pickerOf(row), tokens, nowMs);
    if (decidedMs > nowMs) this.#undecided.add(row, decidedMs);
    else this.#decide(row, nowMs);
  }

  #decide(row: number, nowMs: number): void {
    if (this.#record.isOver(row)) return;
    const replica = this.#pickers.pick(this.#pickers.pickerOf(row), this.#visible.at(row), nowMs);
    this.#record.decide(row, replica === refused ? none : replica, nowMs);
    if (replica === refused) this.#end(row, "refused", nowMs);
    else this.#send(row, replica, nowMs);
  }

  #send(row: number, replica: number, nowMs: number): void {
    const config = this.#configs[replica];
    if (config === undefined || !this.#pickers.isThere(replica)) {
      throw new RangeError(`Cannot send request "${row}" to replica "${replica}": expected one that is there`);
    }
    if (!this.#sent.fits(row, config)) {
      this.#record.tooLong++;
      this.#pickers.ended(row, replica, nowMs, "completed");
      this.#end(row, "refused", nowMs);
      return;
    }
    (this.#pool[replica] as VirtualReplica).submit(this.#sent.take(row, config), nowMs);
    this.#look(replica);
  }

  #giveUp(row: number, nowMs: number): void {
    const replica = this.#record.replica[row] as number;
    if (replica !== none) {
      this.#pickers.catchUp(replica, nowMs, true);
      (this.#pool[replica] as VirtualReplica).cancel(row, nowMs);
      this.#look(replica);
      this.#pickers.ended(row, replica, nowMs, "client-disconnect");
    }
    this.#end(row, "unfinished", nowMs);
  }

  #end(row: number, outcome: Outcome, nowMs: number): void {
    this.#record.end(row, outcome);
    this.#arrivals.ended(row, nowMs);
  }

  #listener(replica: number): ReplicaListener {
    const { firstTokenMs, lastTokenMs, cachedTokens, itlMs } = this.#record;
    const { tokenOverheadMs } = this.#configs[replica] as ReplicaConfig;
    return {
      firstToken: (row, atMs, cached) => {
        firstTokenMs[row] = atMs + tokenOverheadMs;
        cachedTokens[row] = cached;
        this.#pickers.answered(row, replica, atMs);
      },
      finished: (row, atMs) => {
        lastTokenMs[row] = atMs + tokenOverheadMs;
        this.#pickers.ended(row, replica, atMs, "completed");
        this.#end(row, "completed", atMs + tokenOverheadMs);
      },
      gaps: (gapMs, count) => itlMs.add(gapMs, count),
    };
  }

  /** Takes the samples that are due before `nowMs`, and at it when `isInclusive`. */
  #takeSamples(nowMs: number, isInclusive: boolean): void {
    if (this.#information.eagerSamples) this.#pickers.catchUpAll(nowMs, isInclusive);
    for (let atMs = this.#series.nextMs; atMs < nowMs || (isInclusive && atMs === nowMs); atMs = this.#series.nextMs) {
      for (let replica = 0; replica < this.#pool.length; replica++) this.#pickers.catchUp(replica, atMs, false);
      this.#series.sample(this.#pool);
    }
  }

  #result(): SimulationRun {
    for (let replica = 0; replica < this.#pool.length; replica++) {
      this.#pickers.catchUp(replica, this.#nowMs, false);
      this.#pool[replica]?.advance(this.#nowMs);
    }
    const totals = this.#pool.map((replica, index) => this.#totals(replica, index));
    this.#cutOff();
    toReplicas(this.#plan, this.#record.replica);
    return {
      requests: this.#options.requests,
      ...this.#record.columns(),
      replicas: sumByReplica(this.#plan, totals),
      series: this.#series.take(),
      hasOracleLengths: this.#information.oracleLengths,
      firstChangeMs: this.#plan.changes[0]?.atMs ?? never,
      endMs: this.#nowMs,
    };
  }

  /** Takes what is still under way from its replica, which then tells of the last gaps. */
  #cutOff(): void {
    const { replica } = this.#record;
    for (let row = 0; row < replica.length; row++) {
      const at = replica[row] as number;
      if (at !== none && !this.#record.isOver(row)) this.#pool[at]?.cancel(row, this.#nowMs);
    }
  }

  #totals(replica: VirtualReplica, index: number): ReplicaTotals {
    const load = replica.loadAt(this.#nowMs);
    const { preemptions, adapterLoads, promptTokens, generationTokens, prefixQueryTokens, prefixHitTokens } = load;
    const totals = { preemptions, adapterLoads, promptTokens, generationTokens, prefixQueryTokens, prefixHitTokens };
    return { requests: this.#record.given[index] as number, busyMs: replica.busyMs, ...totals };
  }
}

function fieldError(name: string, found: number, expected: string): RangeError {
  return new RangeError(`Cannot simulate with "${name}": ${found}, expected ${expected}`);
}
