import { LruMap } from "../lib/lru-map.ts";
import { poolPrior } from "./belief.ts";
import type { Endpoint, EndpointId, EndpointSpec } from "./endpoint.ts";
import { InFlightLedger } from "./in-flight-ledger.ts";
import { Member, type SignalRules } from "./member.ts";
import type { Sample } from "./sample.ts";
import type { StoreObserver } from "./store-observer.ts";
import { SlowStart } from "./slow-start.ts";
import { defaultHalfLife, type HalfLifeBounds, type TrackRecord } from "./track-record.ts";

/**
 * How an attempt to reach the serving port ended. `answered`: bytes of a response came, whatever they said. `refused`:
 * the connection was refused or reset before any. `unclear`: anything else, a timeout for one.
 */
export type ContactOutcome = "answered" | "refused" | "unclear";

/** Told of an endpoint that joined or left; a replaced incarnation leaves before its successor joins. */
export type MembershipListener = (spec: EndpointSpec) => void;

/** Refusals in a row that make an endpoint last resort (DESIGN ruling "dead is not silent"). */
const refusalsUntilLastResort = 2;

/** How a store treats signals. */
export interface StoreOptions {
  readonly ledger?: InFlightLedger;
  /**
   * Correct signals with what this picker did since their samples, and blend what is old with the pool's mean; default true.
   * Off: endpoints show what was scraped last, however old.
   */
  readonly corrections?: boolean;
  /** Default 250 ms to 2 s. */
  readonly halfLife?: HalfLifeBounds;
  /** Default: nobody. */
  readonly observer?: StoreObserver | undefined;
}

/** What depends on time is computed anew after this long. */
const quantumMs = 20;
/** A pool is at work once an endpoint has been in it for this long; who joins then is a newcomer. */
const atWorkAfterMs = 1_000;
/** Adapter names kept: those that requests may ask for. */
const maxAdapterNames = 4096;

/**
 * The pool: its endpoints and what is known of them. The only mutable holder; readers get snapshots that never change.
 * Discovery writes membership, scraping writes samples, the ledger writes what is under way.
 */
export class EndpointStore {
  readonly ledger: InFlightLedger;
  readonly #rules: SignalRules;
  readonly #observer: StoreObserver | undefined;
  #members = new Map<EndpointId, Member>();
  /** The members as an array; undefined after a change. */
  #ordered: readonly Member[] | undefined;
  #snapshot: readonly Endpoint[] | undefined;
  /** Time alone changes nothing in the snapshot until then. */
  #validUntilMs = 0;
  /** Newest time that anybody told. */
  #nowMs = 0;
  readonly #adapters = new LruMap<string, true>(maxAdapterNames);
  readonly #newcomers = new Set<Member>();
  readonly #added = new Set<MembershipListener>();
  readonly #removed = new Set<MembershipListener>();

  constructor(options: StoreOptions = {}) {
    const { ledger = new InFlightLedger(), corrections = true, halfLife = defaultHalfLife } = options;
    this.ledger = ledger;
    this.#observer = options.observer;
    this.#rules = { corrections, halfLife, isAdapter: (model) => this.#adapters.get(model) === true };
  }

  /**
   * The endpoints in the order discovery gave them, as they are believed to be at `nowMs` (default: the newest time that the
   * store was told). The same array until something changes, and endpoints that did not change keep their objects, so it is
   * safe to keep and cheap to ask for. What depends on the time alone is up to 20 ms old.
   */
  snapshot(nowMs = this.#nowMs): readonly Endpoint[] {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    if (this.#snapshot !== undefined && this.#nowMs <= this.#validUntilMs) return this.#snapshot;
    this.#observer?.described(this.#nowMs);
    this.#snapshot = this.#describeAll(this.#nowMs);
    return this.#snapshot;
  }

  /** What was learned about the samples of an endpoint; undefined when this incarnation is not in the pool. */
  trackRecord(id: EndpointId, incarnation: string): TrackRecord | undefined {
    return this.#member(id, incarnation)?.trackRecord;
  }

  /** Makes `specs` the whole pool. Known incarnations keep all that was learned; of two specs with one id the last counts. */
  reset(specs: readonly EndpointSpec[]): void {
    this.#observer?.reset(specs);
    const wanted = new Map(specs.map((spec) => [spec.id, spec]));
    for (const id of this.#members.keys()) if (!wanted.has(id)) this.#remove(id);
    for (const spec of wanted.values()) this.#upsert(spec);
    this.#restoreOrder(wanted.keys());
  }

  /**
   * Adds an endpoint or takes over its new labels. Another incarnation under the same id is a new endpoint that
   * inherits nothing; a spec equal to the present one changes nothing.
   */
  upsert(spec: EndpointSpec): void {
    this.#observer?.upserted(spec);
    this.#upsert(spec);
  }

  #upsert(spec: EndpointSpec): void {
    const present = this.#members.get(spec.id);
    if (present?.spec.incarnation === spec.incarnation) {
      if (isSameSpec(present.spec, spec)) return;
      present.spec = spec;
      this.#changed(present);
      return;
    }
    if (present !== undefined) this.#retire(present);
    this.#members.set(spec.id, this.#createMember(spec));
    this.#membersChanged();
    for (const listener of this.#added) listener(spec);
  }

  /** Takes an endpoint out of the pool; unknown ids are ignored. */
  remove(id: EndpointId): void {
    this.#observer?.removed(id);
    this.#remove(id);
  }

  #remove(id: EndpointId): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    this.#membersChanged();
    this.#retire(member);
  }

  /** The spec of an endpoint of the pool, labels up to date; undefined when this incarnation is not in the pool. */
  find(id: EndpointId, incarnation: string): EndpointSpec | undefined {
    return this.#member(id, incarnation)?.spec;
  }

  /**
   * Says that a sample is asked for now: requests dispatched from here on are not in it. The last announcement of an
   * endpoint counts; one that is never followed by its sample does no harm.
   */
  announceSample(id: EndpointId, incarnation: string, nowMs: number): void {
    this.#observer?.announced(id, incarnation, nowMs);
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const member = this.#member(id, incarnation);
    member?.announce(nowMs, this.ledger.startWindow(member.account));
  }

  /**
   * Takes over a sample; ignored when the endpoint left or was replaced meanwhile. Its `sampledAtMs` is the time it was
   * announced with; a sample that was not announced counts as asked for at this moment.
   */
  putSample(id: EndpointId, incarnation: string, sample: Sample): void {
    this.#observer?.sampled(id, incarnation, sample);
    const member = this.#member(id, incarnation);
    if (member === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, sample.sampledAtMs);
    if (sample.adapters !== undefined && sample.adapters !== null) {
      for (const name of sample.adapters.running) this.#adapters.set(name, true);
      for (const name of sample.adapters.waiting) this.#adapters.set(name, true);
    }
    member.put(sample, () => this.ledger.startWindow(member.account));
    this.#snapshot = undefined;
  }

  /** Takes note of a decision for `picked`, one of `candidates`, for the shares of newcomers. */
  noteDecision(picked: Endpoint, candidates: readonly Endpoint[]): void {
    if (this.#newcomers.size === 0 || candidates.length < 2) return;
    for (const { id, incarnation } of candidates) {
      const member = this.#member(id, incarnation);
      if (member?.slowStart === undefined) continue;
      member.slowStart.noteDecision(candidates.length, id === picked.id);
      this.#changed(member);
    }
  }

  /** Takes note of how an attempt to reach the endpoint's serving port ended. */
  putContact(id: EndpointId, incarnation: string, outcome: ContactOutcome): void {
    this.#observer?.contacted(id, incarnation, outcome);
    const member = this.#member(id, incarnation);
    if (member === undefined) return;
    member.refusalsInRow = outcome === "refused" ? member.refusalsInRow + 1 : 0;
    const isDead = outcome !== "answered" && (member.lastResort || member.refusalsInRow >= refusalsUntilLastResort);
    if (isDead === member.lastResort) return;
    member.lastResort = isDead;
    this.#changed(member);
  }

  /** Calls `listener` for every endpoint that joins from now on; returns the function that ends it. */
  onAdded(listener: MembershipListener): () => void {
    this.#added.add(listener);
    return () => this.#added.delete(listener);
  }

  /** Calls `listener` for every incarnation that leaves from now on, for learned state; returns the function that ends it. */
  onRemoved(listener: MembershipListener): () => void {
    this.#removed.add(listener);
    return () => this.#removed.delete(listener);
  }

  #createMember(spec: EndpointSpec): Member {
    const account = this.ledger.attach(spec.id, spec.incarnation, () => this.#changed(member));
    const member = new Member(spec, account, this.#rules, this.#nowMs);
    if (this.#rules.corrections && this.#isAtWork()) {
      member.slowStart = new SlowStart(this.#nowMs);
      this.#newcomers.add(member);
    }
    return member;
  }

  #isAtWork(): boolean {
    for (const { joinedAtMs } of this.#members.values()) if (this.#nowMs - joinedAtMs >= atWorkAfterMs) return true;
    return false;
  }

  #member(id: EndpointId, incarnation: string): Member | undefined {
    const member = this.#members.get(id);
    return member?.spec.incarnation === incarnation ? member : undefined;
  }

  #changed(member: Member): void {
    member.touch();
    this.#snapshot = undefined;
  }

  #membersChanged(): void {
    this.#ordered = undefined;
    this.#snapshot = undefined;
  }

  #describeAll(nowMs: number): Endpoint[] {
    if (this.#newcomers.size > 0) this.#endSlowStarts(nowMs);
    this.#ordered ??= [...this.#members.values()];
    const members = this.#ordered;
    let isPriorNeeded = false;
    let validUntilMs = Number.POSITIVE_INFINITY;
    for (const member of members) {
      member.refresh(nowMs);
      validUntilMs = Math.min(validUntilMs, Math.max(member.validUntilMs, nowMs + quantumMs));
      isPriorNeeded ||= member.needsPrior;
    }
    this.#validUntilMs = validUntilMs;
    const prior = isPriorNeeded ? poolPrior(members) : undefined;
    return members.map((member) => member.describe(prior));
  }

  #endSlowStarts(nowMs: number): void {
    for (const member of this.#newcomers) {
      if (member.slowStart?.isOver(nowMs) !== true) continue;
      member.slowStart = undefined;
      this.#newcomers.delete(member);
      member.touch();
    }
  }

  #retire(member: Member): void {
    this.#newcomers.delete(member);
    this.ledger.detach(member.account);
    for (const listener of this.#removed) listener(member.spec);
  }

  #restoreOrder(ids: Iterable<EndpointId>): void {
    const wanted = [...ids];
    if ([...this.#members.keys()].every((id, i) => id === wanted[i])) return;
    const before = this.#members;
    this.#members = new Map();
    for (const id of wanted) {
      const member = before.get(id);
      if (member !== undefined) this.#members.set(id, member);
    }
    this.#membersChanged();
  }
}

function isSameSpec(a: EndpointSpec, b: EndpointSpec): boolean {
  if (a.name !== b.name || a.namespace !== b.namespace || a.address !== b.address) return false;
  const labels = Object.entries(a.labels);
  return labels.length === Object.keys(b.labels).length && labels.every(([key, value]) => b.labels[key] === value);
}
