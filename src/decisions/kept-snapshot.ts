import type { Endpoint, EndpointSignals, EndpointSpec } from "../datastore/endpoint.ts";
import { NumberArena, type NumberSlice } from "../lib/number-arena.ts";
import { readRow, rowLength, writeRow } from "./endpoint-row.ts";
import { bytesOfGroup, bytesOfList, bytesOfSignals, bytesOfSpecs } from "./kept-bytes.ts";

/** Endpoints that share one run of numbers: what one of them changes costs the rows of all. */
const groupSize = 4;
/** Rows of endpoints that nobody scrapes may outlive their neighbours, so blocks are small. */
const rowBlockLength = 2048;

/** What of an endpoint is no row of numbers, until it is scraped again. */
export interface KeptSignals extends Pick<EndpointSignals, "adapters" | "cacheInfo"> {
  readonly bytes: number;
  /** Kept groups that it is part of. */
  groups: number;
}

/** A few endpoints next to each other, as they were for some decisions. */
export interface KeptGroup {
  readonly rows: NumberSlice;
  /** Of each endpoint. */
  readonly signals: readonly KeptSignals[];
  readonly bytes: number;
  /** Kept snapshots that it is part of. */
  snapshots: number;
}

/** Names and addresses of a pool as long as nobody joins or leaves. */
export interface KeptMembers {
  readonly specs: readonly EndpointSpec[];
  readonly bytes: number;
  snapshots: number;
}

/** A snapshot of the pool: what did not change is shared with the one before. */
export interface KeptSnapshot {
  readonly members: KeptMembers;
  readonly groups: readonly KeptGroup[];
  /** Decisions that refer to it. */
  decisions: number;
}

/** The endpoints of a snapshot as they were. */
export function readSnapshot({ members, groups }: KeptSnapshot): Endpoint[] {
  return members.specs.map((spec, i) => {
    const { rows, signals } = groups[Math.floor(i / groupSize)] as KeptGroup;
    const place = i % groupSize;
    return readRow(rows.block, rows.offset + place * rowLength, spec, signals[place] as KeptSignals);
  });
}

/** Keeps snapshots as numbers, and counts the bytes of those that are in use. */
export class SnapshotKeeper {
  readonly #arena = new NumberArena(rowBlockLength);
  #endpoints: readonly Endpoint[] = [];
  #last: KeptSnapshot | undefined;
  #bytes = 0;

  /** Bytes that the snapshots in use take, what they share counted once. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a snapshot for one more decision, until it is released. */
  keep(endpoints: readonly Endpoint[]): KeptSnapshot {
    const last = this.#last;
    if (last !== undefined && last.decisions > 0 && endpoints === this.#endpoints) {
      last.decisions++;
      return last;
    }
    const members = this.#members(endpoints);
    // Arrays of their final length: those that grow keep room for more than what is in them.
    const groups = new Array<KeptGroup>(Math.ceil(endpoints.length / groupSize));
    for (let i = 0; i < groups.length; i++) groups[i] = this.#group(endpoints, i * groupSize);
    const kept = { members, groups, decisions: 1 };
    this.#count(kept);
    this.#endpoints = endpoints;
    this.#last = kept;
    return kept;
  }

  /** One decision that referred to the snapshot is gone. */
  release(snapshot: KeptSnapshot): void {
    if (--snapshot.decisions > 0) return;
    this.#bytes -= bytesOfList(snapshot.groups);
    if (--snapshot.members.snapshots === 0) this.#bytes -= snapshot.members.bytes;
    for (const group of snapshot.groups) {
      if (--group.snapshots > 0) continue;
      this.#bytes -= group.bytes;
      for (const signals of group.signals) if (--signals.groups === 0) this.#bytes -= signals.bytes;
    }
  }

  #count({ members, groups }: KeptSnapshot): void {
    this.#bytes += bytesOfList(groups);
    if (members.snapshots++ === 0) this.#bytes += members.bytes;
    for (const group of groups) {
      if (group.snapshots++ > 0) continue;
      this.#bytes += group.bytes;
      for (const signals of group.signals) if (signals.groups++ === 0) this.#bytes += signals.bytes;
    }
  }

  #members(endpoints: readonly Endpoint[]): KeptMembers {
    const members = this.#last?.members;
    const isSame =
      members?.specs.length === endpoints.length && endpoints.every((some, i) => isSpecOf(members, i, some));
    if (members !== undefined && isSame) return members;
    const specs = endpoints.map(({ id, incarnation, name, namespace, host, port, address, labels }) => {
      return { id, incarnation, name, namespace, host, port, address, labels };
    });
    return { specs, bytes: bytesOfSpecs(specs), snapshots: 0 };
  }

  #group(endpoints: readonly Endpoint[], from: number): KeptGroup {
    const to = Math.min(from + groupSize, endpoints.length);
    const before = this.#last?.groups[from / groupSize];
    let isSame = before?.signals.length === to - from;
    for (let i = from; i < to && isSame; i++) isSame = endpoints[i] === this.#endpoints[i];
    if (before !== undefined && isSame) return before;
    const rows = this.#arena.take((to - from) * rowLength);
    const signals = new Array<KeptSignals>(to - from);
    for (let i = from; i < to; i++) {
      const endpoint = endpoints[i] as Endpoint;
      writeRow(rows.block, rows.offset + (i - from) * rowLength, endpoint);
      signals[i - from] = keepSignals(endpoint.signals, before?.signals[i - from]);
    }
    return { rows, signals, bytes: bytesOfGroup(signals.length, rowLength), snapshots: 0 };
  }
}

function keepSignals({ adapters, cacheInfo }: EndpointSignals, before: KeptSignals | undefined): KeptSignals {
  if (before?.adapters === adapters && before.cacheInfo === cacheInfo) return before;
  return { adapters, cacheInfo, bytes: bytesOfSignals(adapters.value, cacheInfo.value), groups: 0 };
}

function isSpecOf({ specs }: KeptMembers, index: number, { id, incarnation, labels }: Endpoint): boolean {
  const spec = specs[index];
  return spec?.id === id && spec.incarnation === incarnation && spec.labels === labels;
}
