import type { AdapterState, CacheInfo, EndpointSpec } from "../datastore/endpoint.ts";
import type { KeptCourse, KeptDecision } from "./kept-decision.ts";

/**
 * What values take in V8's heap on a 64-bit machine, in bytes: a word a field, a head of three words an object, a number that
 * is no small integer boxed in 16. Measured against the heap in test/decisions/decision-ring.test.ts.
 */
const arrayHead = 32;
const textHead = 24;
const decisionBytes = 950;
const groupBytes = 160;
const signalBytes = 96;
const specBytes = 200;
const setBytes = 200;
const setEntryBytes = 48;
const findingBytes = 88;
/** Slot of the ring, entry of the index. */
const indexBytes = 88;

/** What a decision takes by itself; its endpoints are counted with their snapshot. */
export function bytesOfDecision(kept: KeptDecision): number {
  const { request, allowed, offered, course, outcome } = kept;
  let bytes = decisionBytes + indexBytes + textBytes(kept.requestId);
  if (request !== undefined) {
    bytes += textBytes(request.model) + textBytes(request.objective) + textBytes(request.fairnessId);
    if (request.targetModel !== request.model) bytes += textBytes(request.targetModel);
  }
  bytes += textBytes(outcome.destination ?? outcome.refusal?.message ?? "");
  bytes += bytesOfList(allowed) + bytesOfList(offered);
  return course === undefined ? bytes : bytes + bytesOfCourse(course);
}

function bytesOfCourse(course: KeptCourse): number {
  const { screened, screenedFound, kept, keptFound, rated, candidateCount, profile, drawCount, picked } = course;
  const scorers = profile?.scorers.length ?? 0;
  const numbers = candidateCount * (2 * scorers + 1) + drawCount;
  let bytes = 8 * numbers + bytesOfList(picked) + findingBytes * course.findings.length + bytesOfList(rated);
  for (const list of [screened, screenedFound, kept, keptFound]) {
    if (list.length === 0) continue;
    bytes += bytesOfList(list);
    for (const values of list) bytes += bytesOfList(values);
  }
  return bytes;
}

/** What a group of endpoints takes, without their adapters and cache geometry. */
export function bytesOfGroup(endpoints: number, rowLength: number): number {
  return groupBytes + (8 + 8 * rowLength) * endpoints;
}

/** What adapters and cache geometry of an endpoint take. */
export function bytesOfSignals(adapters: AdapterState | undefined, cacheInfo: CacheInfo | undefined): number {
  let bytes = 56;
  if (cacheInfo !== undefined) bytes += signalBytes + 40;
  return adapters === undefined ? bytes : bytes + bytesOfAdapters(adapters);
}

/** What names, addresses and labels of a pool take. */
export function bytesOfSpecs(specs: readonly EndpointSpec[]): number {
  let bytes = bytesOfList(specs);
  for (const { id, name, address, labels } of specs) {
    bytes += specBytes + textBytes(id) + textBytes(name) + textBytes(address);
    for (const key in labels) bytes += textBytes(key) + textBytes(labels[key] ?? "");
  }
  return bytes;
}

function bytesOfAdapters({ running, waiting }: AdapterState): number {
  let bytes = signalBytes;
  for (const names of [running, waiting]) {
    bytes += setBytes;
    for (const name of names) bytes += setEntryBytes + textBytes(name);
  }
  return bytes;
}

/** What a list takes without its items; nothing for none. */
export function bytesOfList(list: readonly unknown[] | undefined): number {
  return list === undefined ? 0 : arrayHead + 8 * list.length;
}

/** Two bytes a character, as texts beyond Latin-1 take; "" is shared by all. */
function textBytes(text: string): number {
  return text === "" ? 0 : textHead + 2 * text.length;
}
