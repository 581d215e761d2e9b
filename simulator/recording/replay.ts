import type { CompiledConfig } from "../../src/config/load.ts";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import type { RecordedPick, RecordingLine } from "../../src/recording/line.ts";
import { type DispatchedRequest, Dispatcher } from "../../src/routing/dispatcher.ts";
import type { Forward } from "../../src/routing/decision.ts";
import type { Follower } from "../../src/scheduling/plugin.ts";
import { noteDispatched, noteEnded } from "../../src/scheduling/schedule.ts";
import type { OpenedRecording } from "./read-recording.ts";
import { recordedRequest } from "./recorded-request.ts";
import { RecordedWorld, type StateLine } from "./recorded-world.ts";
import { forwardTo, type ReplayedDecision, ReplayedPolicy } from "./replayed-policy.ts";
import { ReplayTally, recordedName, type ReplayReport } from "./replay-tally.ts";

/** A config to replay with. */
export interface ReplayedConfig {
  readonly name: string;
  readonly config: CompiledConfig;
}

/** What a replay takes. */
export interface ReplayOptions {
  readonly recording: OpenedRecording;
  /** Compiles a config that the recording holds. Throws when it cannot be used. */
  readonly load: (text: string) => CompiledConfig;
  /** Configs to compare with what was recorded. */
  readonly configs: readonly ReplayedConfig[];
}

/** A request that was recorded as sent, until its end. */
interface Following {
  readonly dispatched: DispatchedRequest;
  /** Of the other policies. */
  readonly followers: Follower[];
}

/**
 * Decides every recorded request again: with the config of the recording, which must give the recorded decision, and with
 * others. Each decides over the endpoints as they were recorded and learns from where requests were really sent.
 */
export function replay(options: ReplayOptions): ReplayReport {
  const run = new Replay(options);
  for (const line of options.recording.lines()) run.take(line);
  return run.report();
}

class Replay {
  readonly #options: ReplayOptions;
  readonly #world: RecordedWorld;
  readonly #others: readonly ReplayedPolicy[];
  readonly #tally: ReplayTally;
  /** Decided, and not known to be sent. */
  readonly #decided = new Map<
    number,
    { readonly line: RecordedPick; readonly decisions: readonly ReplayedDecision[] }
  >();
  readonly #following = new Map<number, Following>();
  #recorded: ReplayedPolicy | undefined;
  #dispatcher: Dispatcher | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#world = new RecordedWorld(options.recording.header);
    this.#others = options.configs.map(({ name, config }) => new ReplayedPolicy(name, config, this.#world));
    this.#tally = new ReplayTally(this.#others.map(({ name }) => name));
  }

  take(line: RecordingLine): void {
    if (line.kind === "header") return;
    if (line.kind === "config") this.#configure(line.text);
    else if (line.kind === "pick") this.#decide(line);
    else if (line.kind === "sent") this.#send(line.n);
    else if (line.kind === "moved" || line.kind === "first" || line.kind === "done") this.#goOn(line);
    else this.#world.take(line satisfies StateLine);
  }

  report(): ReplayReport {
    const { header, report } = this.#options.recording;
    return this.#tally.report({ header, read: report, unknownHeaders: this.#unknownHeaders() });
  }

  #configure(text: string): void {
    const config = this.#options.load(text);
    if (this.#recorded !== undefined) return this.#recorded.scheduler.replacePlan(config.plan);
    this.#recorded = new ReplayedPolicy(recordedName, config, this.#world);
    const { store, tokens, completions } = this.#world;
    this.#dispatcher = new Dispatcher({ store, tokens, completions, scheduler: this.#recorded.scheduler });
  }

  #decide(line: RecordedPick): void {
    if (this.#recorded === undefined) return this.#tally.skip();
    const request = recordedRequest(line);
    const candidates = this.#world.candidates(line);
    const decisions = [this.#recorded, ...this.#others].map((policy) => policy.decide(line, request, candidates));
    this.#tally.add(line, decisions, { candidates, picked: this.#world.spec(line.picked[0] ?? -1) });
    if (line.picked.length > 0) this.#decided.set(line.n, { line, decisions });
  }

  /** The request went where it was recorded to go, whatever was decided here. */
  #send(n: number): void {
    const decided = this.#decided.get(n);
    this.#decided.delete(n);
    const spec = this.#world.spec(decided?.line.picked[0] ?? -1);
    const [first, ...others] = decided?.decisions ?? [];
    if (first?.decision.kind !== "forward" || spec === undefined || this.#dispatcher === undefined) return;
    const endpoint = findEndpoint(first.decision, spec.id);
    if (endpoint === undefined) return;
    this.#world.at(first.decision.picked.cycle.nowMs);
    const dispatched = this.#dispatcher.dispatch(forwardTo(first.decision, endpoint));
    const followers = others.flatMap(({ decision }, i) => {
      const policy = this.#others[i];
      if (decision.kind !== "forward" || policy === undefined) return [];
      return noteDispatched(policy.scheduler.plan, decision.picked, endpoint);
    });
    this.#following.set(n, { dispatched, followers });
  }

  #goOn(line: Extract<RecordingLine, { kind: "moved" | "first" | "done" }>): void {
    this.#world.at(line.atMs);
    const following = this.#following.get(line.n);
    if (following === undefined) return;
    const { dispatched, followers } = following;
    if (line.kind === "moved") {
      const address = this.#world.spec(line.e)?.address;
      dispatched.responded(address, undefined);
      return;
    }
    if (line.kind === "first") {
      dispatched.firstByte();
      for (const follower of followers) follower.firstByte?.();
      return;
    }
    this.#following.delete(line.n);
    const { status, promptTokens, outputTokens, cachedTokens, cause } = line;
    const isReported = promptTokens !== undefined || outputTokens !== undefined;
    const usage = { promptTokens, completionTokens: outputTokens, totalTokens: 0, cachedTokens };
    if (cause === "completed") dispatched.completed(status, isReported ? usage : undefined);
    dispatched.release(cause);
    noteEnded(followers, cause);
  }

  #unknownHeaders(): readonly string[] {
    const policies = [...(this.#recorded === undefined ? [] : [this.#recorded]), ...this.#others];
    return [...new Set(policies.flatMap(({ scheduler }) => scheduler.plan.requestHeaders))];
  }
}

/** The endpoint as the decision saw it, wherever in the decision it is. */
function findEndpoint({ picked }: Forward, id: string): Endpoint | undefined {
  const isWanted = (endpoint: Endpoint): boolean => endpoint.id === id;
  return picked.endpoints.find(isWanted) ?? picked.trace.offered.find(isWanted);
}
