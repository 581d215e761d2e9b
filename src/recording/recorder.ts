import type { EndpointId, EndpointSpec } from "../datastore/endpoint.ts";
import type { Sample } from "../datastore/sample.ts";
import type { ContactOutcome } from "../datastore/store.ts";
import type { StoreObserver } from "../datastore/store-observer.ts";
import type { Clock } from "../lib/clock.ts";
import type { Reject } from "../routing/decision.ts";
import type { DispatchObserver } from "../routing/dispatcher.ts";
import type { Decided } from "../routing/route-request.ts";
import type { EndCause } from "../scheduling/plugin.ts";
import type { ReportedUsage } from "../scheduling/roles.ts";
import type { Picked } from "../scheduling/schedule.ts";
import type { RecordedEndpoint, RecordingLine } from "./line.ts";
import { describePick } from "./pick-line.ts";
import { SampleText } from "./sample-line.ts";

/** Where lines go. */
export interface LineSink {
  /** Takes one line, without its end; never blocks, never throws. */
  write(line: string): void;
}

/** What a recorder takes from outside. */
export interface RecorderDeps {
  readonly sink: LineSink;
  readonly clock: Clock;
  /** Secret of the recording: hashes of prompts are of no use outside of it. */
  readonly hashKey: bigint;
}

/** What is recorded of a config. */
export interface RecordedConfig {
  readonly revision: string;
  readonly text: string;
}

/** A request between its dispatch and its end. */
interface Open {
  readonly n: number;
  usage: ReportedUsage | undefined;
  status: number | undefined;
}

/**
 * Writes down everything that decides a picker's decisions, in order: what its store is told, each request's features
 * without its text, the picks, and how requests end. Told the same again, a store and a scheduler decide the same.
 */
export class Recorder implements StoreObserver, DispatchObserver {
  readonly #deps: RecorderDeps;
  /** The pool, in the order of the store. */
  #members = new Map<EndpointId, RecordedEndpoint>();
  readonly #samples = new SampleText();
  readonly #refusing = new Set<number>();
  readonly #undispatched = new WeakMap<Picked, number>();
  readonly #open = new Map<number, Open>();
  #endpoints = 0;
  #requests = 0;
  /** Time of a look that is not written yet: a decision of the same time says it too. */
  #lookMs: number | undefined;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** The config in force from here on. */
  configured(config: RecordedConfig): void {
    const { revision, text } = config;
    this.#put({ kind: "config", atMs: this.#nowMs, revision, text });
  }

  reset(specs: readonly EndpointSpec[]): void {
    const before = this.#members;
    this.#members = new Map(specs.map((spec) => [spec.id, this.#describe(spec)]));
    for (const [id, { e }] of before) if (this.#members.get(id)?.e !== e) this.#forget(e);
    this.#put({ kind: "pool", atMs: this.#nowMs, endpoints: [...this.#members.values()] });
  }

  upserted(spec: EndpointSpec): void {
    const before = this.#members.get(spec.id);
    const endpoint = this.#describe(spec);
    this.#members.set(spec.id, endpoint);
    if (before !== undefined && before.e !== endpoint.e) this.#forget(before.e);
    this.#put({ kind: "endpoint", atMs: this.#nowMs, endpoint });
  }

  removed(id: EndpointId): void {
    this.#put({ kind: "gone", atMs: this.#nowMs, id });
    const gone = this.#members.get(id);
    if (gone === undefined) return;
    this.#members.delete(id);
    this.#forget(gone.e);
  }

  announced(id: EndpointId, incarnation: string, nowMs: number): void {
    const e = this.#find(id, incarnation);
    if (e !== undefined) this.#write(`{"kind":"ask","e":${e},"atMs":${nowMs}}`);
  }

  sampled(id: EndpointId, incarnation: string, sample: Sample): void {
    const e = this.#find(id, incarnation);
    if (e !== undefined) this.#write(this.#samples.line(e, sample));
  }

  contacted(id: EndpointId, incarnation: string, outcome: ContactOutcome): void {
    const e = this.#find(id, incarnation);
    // An answer changes something only after what was none.
    if (e === undefined || (outcome === "answered" && !this.#refusing.has(e))) return;
    if (outcome === "answered") this.#refusing.delete(e);
    else this.#refusing.add(e);
    this.#write(`{"kind":"contact","e":${e},"outcome":"${outcome}"}`);
  }

  described(nowMs: number): void {
    this.#flushLook();
    this.#lookMs = nowMs;
  }

  /** A request was decided; to be called at once. */
  decided(decided: Decided): void {
    const { scheduled, decision } = decided;
    const decidedAtMs = scheduled?.cycle.nowMs ?? this.#nowMs;
    if (this.#lookMs === decidedAtMs) this.#lookMs = undefined;
    const n = this.#requests++;
    if (decision.kind === "forward") this.#undispatched.set(decision.picked, n);
    const { hashKey } = this.#deps;
    const numberOf = ({ id, incarnation }: EndpointSpec): number => this.#find(id, incarnation) ?? -1;
    this.#put(describePick(decided, { n, decidedAtMs, hashKey, numberOf }));
  }

  /** A request was refused before anybody looked for an endpoint. */
  refused({ reason }: Reject, requestId: string): void {
    this.#put({ kind: "refused", atMs: this.#nowMs, requestId, reason });
  }

  dispatched(streamKey: number, picked: Picked): void {
    const n = this.#undispatched.get(picked);
    if (n === undefined) return;
    this.#open.set(streamKey, { n, usage: undefined, status: undefined });
    this.#write(`{"kind":"sent","n":${n}}`);
  }

  moved(streamKey: number, { id, incarnation }: EndpointSpec): void {
    const [open, e] = [this.#open.get(streamKey), this.#find(id, incarnation)];
    if (open !== undefined && e !== undefined) this.#put({ kind: "moved", n: open.n, e, atMs: this.#nowMs });
  }

  firstByte(streamKey: number): void {
    const open = this.#open.get(streamKey);
    if (open !== undefined) this.#write(`{"kind":"first","n":${open.n},"atMs":${this.#nowMs}}`);
  }

  completed(streamKey: number, status: number | undefined, usage: ReportedUsage | undefined): void {
    const open = this.#open.get(streamKey);
    if (open === undefined) return;
    open.status = status;
    open.usage = usage;
  }

  released(streamKey: number, cause: EndCause): void {
    const open = this.#open.get(streamKey);
    if (open === undefined) return;
    this.#open.delete(streamKey);
    const { n, status, usage } = open;
    this.#put({
      kind: "done",
      n,
      atMs: this.#nowMs,
      cause,
      ...(status !== undefined && { status }),
      ...(usage?.promptTokens !== undefined && { promptTokens: usage.promptTokens }),
      ...(usage?.completionTokens !== undefined && { outputTokens: usage.completionTokens }),
      ...(usage?.cachedTokens !== undefined && { cachedTokens: usage.cachedTokens }),
    });
  }

  /** The pool and the config as they are, for the beginning of another file. */
  repeatedLines({ revision, text }: RecordedConfig): readonly string[] {
    const atMs = this.#nowMs;
    const endpoints = [...this.#members.values()];
    const lines: readonly RecordingLine[] = [
      { kind: "config", atMs, revision, text, repeated: true },
      { kind: "pool", atMs, endpoints, repeated: true },
    ];
    return lines.map((line) => JSON.stringify(line));
  }

  /** Samples say everything again, as the first ones do. */
  repeatSamples(): void {
    this.#samples.forget();
  }

  /** Nothing is written after this. */
  end(): void {
    this.#put({ kind: "end", atMs: this.#nowMs });
  }

  get #nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  /** With the number that this incarnation has, or a new one. */
  #describe(spec: EndpointSpec): RecordedEndpoint {
    const e = this.#find(spec.id, spec.incarnation) ?? this.#endpoints++;
    const { id, incarnation, name, namespace, host, port, address, labels } = spec;
    return { e, id, incarnation, name, namespace, host, port, address, labels: { ...labels } };
  }

  #find(id: EndpointId, incarnation: string): number | undefined {
    const known = this.#members.get(id);
    return known?.incarnation === incarnation ? known.e : undefined;
  }

  /** Nothing more comes of this incarnation. */
  #forget(e: number): void {
    this.#refusing.delete(e);
    this.#samples.drop(e);
  }

  #put(line: RecordingLine): void {
    this.#write(JSON.stringify(line));
  }

  #write(text: string): void {
    this.#flushLook();
    this.#deps.sink.write(text);
  }

  #flushLook(): void {
    if (this.#lookMs === undefined) return;
    const atMs = this.#lookMs;
    this.#lookMs = undefined;
    this.#deps.sink.write(`{"kind":"look","atMs":${atMs}}`);
  }
}
