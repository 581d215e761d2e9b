import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import type { CompiledConfig } from "../../src/config/load.ts";
import type { EndpointSpec } from "../../src/datastore/endpoint.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { TokenEstimator } from "../../src/datastore/token-estimator.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { createRandom } from "../../src/lib/random.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { type RecordingHeader, type RecordingLine, schemaVersion } from "../../src/recording/line.ts";
import { Recorder } from "../../src/recording/recorder.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import { type DispatchedRequest, Dispatcher } from "../../src/routing/dispatcher.ts";
import { routeRequest } from "../../src/routing/route-request.ts";
import { Scheduler } from "../../src/routing/scheduler.ts";
import type { OpenedRecording } from "../../simulator/recording/read-recording.ts";
import { anEndpoint } from "./an-endpoint.ts";

/** Compiles a config text; throws what is wrong with it. */
export function compileConfig(text: string | undefined): CompiledConfig {
  const options = { file: "config", registry: builtInRegistry, allowExperimentalPlugins: true, hashKey: 7n };
  const loaded = loadConfig(text, options);
  if (loaded.kind === "invalid") throw new Error(formatProblems(loaded.problems));
  return loaded.config;
}

export const aHeader: RecordingHeader = {
  kind: "header",
  schemaVersion,
  recording: "test",
  file: 1,
  pool: "pool",
  source: "picker",
  startedAt: "2026-01-02T03:04:05.000Z",
  startedAtMs: 0,
  corrections: true,
  halfLifeMs: { min: 250, max: 2000 },
};

/** A recording that lies in memory. */
export function inMemory(lines: readonly string[]): OpenedRecording {
  const report = { lines: lines.length, skipped: 0, bad: [], dropped: 0, beginsLate: false, isComplete: true };
  function* parsed(): Generator<RecordingLine> {
    for (const line of lines) yield JSON.parse(line) as RecordingLine;
  }
  return { header: aHeader, files: [], report, lines: parsed };
}

/** The rooms of a picker that decide, in virtual time, with a recorder that writes to memory. */
export class RecordedPicker {
  readonly lines: string[] = [];
  readonly clock = new VirtualClock();
  readonly recorder: Recorder;
  readonly store: EndpointStore;
  readonly #scheduler: Scheduler;
  readonly #dispatcher: Dispatcher;
  readonly open: DispatchedRequest[] = [];
  /** Where each request was sent, or why it was not. */
  readonly verdicts: string[] = [];

  constructor(config: CompiledConfig = compileConfig(undefined)) {
    const { clock } = this;
    this.recorder = new Recorder({ sink: { write: (line) => this.lines.push(line) }, clock, hashKey: 3n });
    this.store = new EndpointStore({ observer: this.recorder });
    const tokens = new TokenEstimator();
    this.#scheduler = new Scheduler({ plan: config.plan, clock, tokens, random: createRandom(5) });
    this.store.onRemoved(({ id }) => this.#scheduler.forget(id));
    this.#dispatcher = new Dispatcher({
      store: this.store,
      scheduler: this.#scheduler,
      tokens,
      observer: this.recorder,
    });
    this.recorder.configured(config);
  }

  /** Decides and dispatches. */
  route(request: InferenceRequest): void {
    const nowMs = this.clock.nowMs();
    const decision = routeRequest(request, undefined, {
      nowMs: () => nowMs,
      snapshot: () => this.store.snapshot(nowMs),
      schedule: this.#scheduler.schedule.bind(this.#scheduler),
      decided: (decided) => this.recorder.decided(decided),
    });
    if (decision.kind === "forward") {
      this.verdicts.push(decision.picked.endpoints[0].id);
      this.open.push(this.#dispatcher.dispatch(decision));
    } else this.verdicts.push(`refused: ${decision.reason}`);
  }
}

/** Spec of endpoint `index`; another `life` is another process. */
export function specOf(index: number, life = 0): EndpointSpec {
  return anEndpoint(`server-${index}`, { host: `10.0.0.${index + 1}`, incarnation: `server-${index}-${life}` });
}
