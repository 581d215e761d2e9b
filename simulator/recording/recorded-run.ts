import type { RecordedPick, RecordedSample, RecordingHeader, RecordingLine } from "../../src/recording/line.ts";
import type { OpenedRecording, ReadReport } from "./read-recording.ts";

/** A recorded request with what became of it. */
export interface RecordedRequest {
  readonly pick: RecordedPick;
  /** Number of the endpoint that served it; undefined: refused. */
  endpoint: number | undefined;
  /** When the first byte of the answer came, ms on the recording's clock; undefined: never. */
  firstMs: number | undefined;
  /** Its end; undefined: the recording ended before. */
  done: Extract<RecordingLine, { kind: "done" }> | undefined;
}

/** A recording that was run through once: what loads, the gate and fits are made from. */
export interface RecordedRun {
  readonly header: RecordingHeader;
  readonly files: readonly string[];
  readonly report: ReadReport;
  /** In the order of their decisions. */
  readonly requests: readonly RecordedRequest[];
  /** By number of the endpoint, in order of time. */
  readonly samples: ReadonlyMap<number, readonly RecordedSample[]>;
  /** Names of adapters that ran or waited. */
  readonly adapters: ReadonlySet<string>;
  /** Each config that differs from the one before it. */
  readonly configs: readonly string[];
  /** Endpoints of the largest pool. */
  readonly endpoints: number;
}

/** Runs through a recording. */
export function collectRun(recording: OpenedRecording): RecordedRun {
  const collector = new Collector();
  for (const line of recording.lines()) collector.take(line);
  const { header, files, report } = recording;
  const { requests, samples, adapters, configs, endpoints } = collector;
  return { header, files, report, requests, samples, adapters, configs, endpoints };
}

/** When a request arrived; when it was decided where nobody said. */
export function arrivalOf({ arrivedAtMs, decidedAtMs }: RecordedPick): number {
  return arrivedAtMs ?? decidedAtMs;
}

/** Requests in the batch; some engines count waiting requests among them. NaN unknown. */
export function runningOf({ running, waiting, runningIsTotal }: RecordedSample): number {
  if (runningIsTotal !== true) return running ?? Number.NaN;
  return Math.max(0, (running ?? Number.NaN) - (waiting ?? Number.NaN));
}

class Collector {
  readonly requests: RecordedRequest[] = [];
  readonly samples = new Map<number, RecordedSample[]>();
  readonly adapters = new Set<string>();
  readonly configs: string[] = [];
  endpoints = 0;
  readonly #open = new Map<number, RecordedRequest>();
  readonly #pool = new Set<string>();

  take(line: RecordingLine): void {
    if (line.kind === "pool" || line.kind === "endpoint" || line.kind === "gone") this.#changePool(line);
    else if (line.kind === "sample") this.#sample(line);
    else if (line.kind === "config") {
      if (line.text !== this.configs.at(-1)) this.configs.push(line.text);
    } else if (line.kind === "pick") this.#begin(line);
    else if (line.kind === "moved" || line.kind === "first" || line.kind === "done") this.#goOn(line);
  }

  #changePool(line: Extract<RecordingLine, { kind: "pool" | "endpoint" | "gone" }>): void {
    if (line.kind === "gone") this.#pool.delete(line.id);
    else if (line.kind === "endpoint") this.#pool.add(line.endpoint.id);
    else {
      this.#pool.clear();
      for (const { id } of line.endpoints) this.#pool.add(id);
    }
    this.endpoints = Math.max(this.endpoints, this.#pool.size);
  }

  #sample(line: RecordedSample): void {
    const known = this.samples.get(line.e);
    if (known === undefined) this.samples.set(line.e, [line]);
    else known.push(line);
    for (const name of [...(line.adapters?.running ?? []), ...(line.adapters?.waiting ?? [])]) this.adapters.add(name);
  }

  #begin(pick: RecordedPick): void {
    const request = { pick, endpoint: pick.picked[0], firstMs: undefined, done: undefined };
    this.requests.push(request);
    this.#open.set(pick.n, request);
  }

  #goOn(line: Extract<RecordingLine, { kind: "moved" | "first" | "done" }>): void {
    const request = this.#open.get(line.n);
    if (request === undefined) return;
    if (line.kind === "moved") request.endpoint = line.e;
    else if (line.kind === "first") request.firstMs = line.atMs;
    else {
      request.done = line;
      this.#open.delete(line.n);
    }
  }
}
