import { correctSignals, type CorrectedFamily, type OwnSince } from "./correct.ts";
import type { Endpoint, EndpointId, EndpointSignals, EndpointSpec } from "./endpoint.ts";
import { InFlightLedger, type LedgerAccount } from "./in-flight-ledger.ts";
import { applySample, type Sample, unknownSignals } from "./sample.ts";

/**
 * How an attempt to reach the serving port ended. `answered`: bytes of a response came, whatever they said. `refused`:
 * the connection was refused or reset before any. `unclear`: anything else, a timeout for one.
 */
export type ContactOutcome = "answered" | "refused" | "unclear";

/** Told of an endpoint that joined or left; a replaced incarnation leaves before its successor joins. */
export type MembershipListener = (spec: EndpointSpec) => void;

/** Refusals in a row that make an endpoint last resort (DESIGN ruling "dead is not silent"). */
const refusalsUntilLastResort = 2;

interface Member {
  spec: EndpointSpec;
  readonly account: LedgerAccount;
  scraped: EndpointSignals;
  windows: Record<CorrectedFamily, OwnSince | undefined>;
  announced: { readonly atMs: number; readonly window: OwnSince } | undefined;
  refusalsInRow: number;
  lastResort: boolean;
  /** The object the last snapshot holds; undefined after a change. */
  endpoint: Endpoint | undefined;
}

/**
 * The pool: its endpoints and what is known of them. The only mutable holder; readers get snapshots that never change.
 * Discovery writes membership, scraping writes samples, the ledger writes what is under way.
 */
export class EndpointStore {
  readonly ledger: InFlightLedger;
  #members = new Map<EndpointId, Member>();
  #snapshot: readonly Endpoint[] | undefined;
  readonly #added = new Set<MembershipListener>();
  readonly #removed = new Set<MembershipListener>();

  constructor(ledger: InFlightLedger = new InFlightLedger()) {
    this.ledger = ledger;
  }

  /**
   * The endpoints in the order discovery gave them. The same array until something changes, and endpoints that did not
   * change keep their objects, so it is safe to keep and cheap to ask for.
   */
  snapshot(): readonly Endpoint[] {
    this.#snapshot ??= Array.from(this.#members.values(), (member) => (member.endpoint ??= describe(member)));
    return this.#snapshot;
  }

  /** Makes `specs` the whole pool. Known incarnations keep all that was learned; of two specs with one id the last counts. */
  reset(specs: readonly EndpointSpec[]): void {
    const wanted = new Map(specs.map((spec) => [spec.id, spec]));
    for (const id of this.#members.keys()) if (!wanted.has(id)) this.remove(id);
    for (const spec of wanted.values()) this.upsert(spec);
    this.#restoreOrder(wanted.keys());
  }

  /**
   * Adds an endpoint or takes over its new labels. Another incarnation under the same id is a new endpoint that
   * inherits nothing; a spec equal to the present one changes nothing.
   */
  upsert(spec: EndpointSpec): void {
    const present = this.#members.get(spec.id);
    if (present?.spec.incarnation === spec.incarnation) {
      if (isSameSpec(present.spec, spec)) return;
      present.spec = spec;
      this.#changed(present);
      return;
    }
    if (present !== undefined) this.#retire(present);
    this.#members.set(spec.id, this.#createMember(spec));
    this.#snapshot = undefined;
    for (const listener of this.#added) listener(spec);
  }

  /** Takes an endpoint out of the pool; unknown ids are ignored. */
  remove(id: EndpointId): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    this.#snapshot = undefined;
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
    const member = this.#member(id, incarnation);
    if (member === undefined) return;
    member.announced = { atMs: nowMs, window: this.ledger.startWindow(member.account) };
    dropUnusedWindows(member);
  }

  /**
   * Takes over a sample; ignored when the endpoint left or was replaced meanwhile. Its `sampledAtMs` is the time it was
   * announced with; a sample that was not announced counts as asked for at this moment.
   */
  putSample(id: EndpointId, incarnation: string, sample: Sample): void {
    const member = this.#member(id, incarnation);
    if (member === undefined) return;
    const { announced, windows } = member;
    const isAnnounced = announced !== undefined && announced.atMs === sample.sampledAtMs;
    const window = isAnnounced ? announced.window : this.ledger.startWindow(member.account);
    if (isAnnounced) member.announced = undefined;
    member.windows = {
      waitingRequests: sample.waitingRequests === undefined ? windows.waitingRequests : window,
      runningRequests: sample.runningRequests === undefined ? windows.runningRequests : window,
    };
    dropUnusedWindows(member);
    member.scraped = applySample(member.scraped, sample);
    this.#changed(member);
  }

  /** Takes note of how an attempt to reach the endpoint's serving port ended. */
  putContact(id: EndpointId, incarnation: string, outcome: ContactOutcome): void {
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
    const member: Member = {
      spec,
      account,
      scraped: unknownSignals,
      windows: { waitingRequests: undefined, runningRequests: undefined },
      announced: undefined,
      refusalsInRow: 0,
      lastResort: false,
      endpoint: undefined,
    };
    return member;
  }

  #member(id: EndpointId, incarnation: string): Member | undefined {
    const member = this.#members.get(id);
    return member?.spec.incarnation === incarnation ? member : undefined;
  }

  #changed(member: Member): void {
    member.endpoint = undefined;
    this.#snapshot = undefined;
  }

  #retire(member: Member): void {
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
    this.#snapshot = undefined;
  }
}

function describe(member: Member): Endpoint {
  return {
    ...member.spec,
    signals: correctSignals(member.scraped, member.windows, member.account.openRequests),
    inFlightRequests: member.account.openRequests,
    lastResort: member.lastResort,
  };
}

function dropUnusedWindows(member: Member): void {
  const { waitingRequests, runningRequests } = member.windows;
  member.account.keepWindows([waitingRequests, runningRequests, member.announced?.window]);
}

function isSameSpec(a: EndpointSpec, b: EndpointSpec): boolean {
  if (a.name !== b.name || a.namespace !== b.namespace || a.address !== b.address) return false;
  const labels = Object.entries(a.labels);
  return labels.length === Object.keys(b.labels).length && labels.every(([key, value]) => b.labels[key] === value);
}
