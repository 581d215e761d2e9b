import type { Clock } from "../lib/clock.ts";
import { NumberArena } from "../lib/number-arena.ts";
import type { Reject } from "../routing/decision.ts";
import type { Decided } from "../routing/route-request.ts";
import { DecisionRing, type RingLimits, type RingState } from "./decision-ring.ts";
import { keepDecision } from "./keep-decision.ts";
import type { KeptDecision } from "./kept-decision.ts";
import { SnapshotKeeper } from "./kept-snapshot.ts";
import { type RecentPick, RecentPicks } from "./recent-picks.ts";

/** What the log takes from outside. */
export interface DecisionLogDeps {
  readonly clock: Clock;
  /** Revision of the config in force. */
  readonly configRevision: () => string;
  /** Default: 20,000 records, 32 MiB. */
  readonly limits?: RingLimits;
}

/** Half a MiB: decisions are given up strictly in their order. */
const numberBlockLength = 65_536;
const noEndpoints: readonly never[] = [];

/** Remembers how requests were decided: the newest decisions in full, and picks by endpoint over a minute. */
export class DecisionLog {
  readonly #deps: DecisionLogDeps;
  readonly #storage = { snapshots: new SnapshotKeeper(), arena: new NumberArena(numberBlockLength) };
  readonly #ring: DecisionRing;
  readonly #recent = new RecentPicks();
  #sequence = 0;

  constructor(deps: DecisionLogDeps) {
    this.#deps = deps;
    this.#ring = new DecisionRing(this.#storage.snapshots, deps.limits);
  }

  /** A request was decided; to be called at once, before it is dispatched. */
  decided(decided: Decided): void {
    const kept = keepDecision(decided, this.#moment(), this.#storage);
    this.#ring.add(kept);
    const { decision } = decided;
    if (decision.kind !== "forward") return;
    const { totalBlocks = 0, matchedBlocks = 0 } = kept.course?.findings[0] ?? {};
    this.#recent.add(decision.picked.endpoints[0].id, kept.decidedAtMs, totalBlocks, matchedBlocks);
  }

  /** A request was refused before anybody looked for an endpoint; `requestId` is "" when it has none. */
  refused(refusal: Reject, requestId: string, arrivedAtMs: number): void {
    const outcome = { destination: undefined, refusal, by: undefined };
    const nobody = { snapshot: this.#storage.snapshots.keep(noEndpoints), allowed: undefined, offered: undefined };
    const unread = { request: undefined, course: undefined };
    this.#ring.add({ ...this.#moment(), requestId, arrivedAtMs, outcome, ...nobody, ...unread });
  }

  /** The newest decisions of a request id, newest first, `limit` at most. */
  find(requestId: string, limit: number): readonly KeptDecision[] {
    return this.#ring.find(requestId, limit);
  }

  /** The newest decisions, newest first: `limit` at most, those with a sequence number above `after`. */
  newest(limit: number, after: number): readonly KeptDecision[] {
    return this.#ring.newest(limit, after);
  }

  /** What is kept, and the seconds from the oldest record's decision to now. */
  get state(): RingState & { readonly spanSeconds: number } {
    const { state } = this.#ring;
    const spanMs = state.oldestAtMs === undefined ? 0 : this.#deps.clock.nowMs() - state.oldestAtMs;
    return { ...state, spanSeconds: Math.max(0, spanMs) / 1000 };
  }

  /** Picks of the last minute by endpoint id. */
  recentPicks(): ReadonlyMap<string, RecentPick> {
    return this.#recent.sums(this.#deps.clock.nowMs());
  }

  #moment(): { sequence: number; decidedAtMs: number; wallMs: number; configRevision: string } {
    const { clock, configRevision } = this.#deps;
    const [decidedAtMs, wallMs] = [clock.nowMs(), clock.wallMs()];
    return { sequence: ++this.#sequence, decidedAtMs, wallMs, configRevision: configRevision() };
  }
}
