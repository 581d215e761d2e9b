import assert from "node:assert/strict";
import { encodeProcessingResponse } from "../src/extproc/codec/encode-response.ts";
import { Exchange, OutOfOrderError } from "../src/extproc/exchange.ts";
import type { PickerMessage } from "../src/extproc/messages.ts";
import { Counts } from "./counts.ts";
import { HostGrammar } from "./host-grammar.ts";
import { generateCase, messageOf, type Send, type Step, type StreamCase } from "./stream-case.ts";
import { checkTrace, type Trace } from "./stream-rules.ts";
import type { FuzzTarget } from "./target.ts";
import { PlannedError, World } from "./world.ts";

const counts = new Counts();

/**
 * Sequences of host messages, legal and illegal, in every body mode, on streams that share a server and may end anywhere:
 * what a stream answers keeps the rules of stream-rules.ts, only OutOfOrderError is thrown, and when all streams are over
 * nothing is held: no in-flight request, no byte, no open stream, no timer.
 */
export const stream: FuzzTarget<StreamCase> = { name: "stream", generate: generateCase, check, counts: counts.byName };

/** One stream as a server serves it (extproc/server.ts), with all that goes in and out. */
class Served {
  readonly trace: Trace = {
    sent: [],
    received: { request: [], response: [] },
    allowed: undefined,
    routed: undefined,
    finished: 0,
    end: "open",
  };
  readonly grammar = new HostGrammar();
  readonly #world: World;
  readonly #exchange: Exchange;
  #isObserved = false;

  constructor(world: World) {
    this.#world = world;
    this.#exchange = new Exchange(
      world.deps,
      (message) => this.#take(message),
      () => this.trace.finished++,
    );
  }

  send(step: Send): void {
    const { trace, grammar } = this;
    if (trace.end !== "open") return;
    grammar.take(step);
    // A host that only observes takes no answers, from its first word on.
    this.#isObserved ||= step.mirror;
    const isIgnored = trace.finished > 0 || this.#isObserved;
    // A message without a hint leaves the one before it in force.
    if (step.metadata !== null && step.metadata.hint !== null) trace.allowed = step.metadata.hint;
    try {
      this.#exchange.receive(messageOf(step));
    } catch (error) {
      this.#endAfter(error);
      return;
    }
    trace.routed ??= this.#world.takeRouted();
    if (step.event.kind === "body" && !isIgnored) trace.received[step.event.phase].push(step.event.body);
  }

  /** The stream is over, as a server learns it: more than once. */
  drop(): void {
    if (this.trace.end === "open") this.trace.end = "dropped";
    this.#exchange.end();
    this.#exchange.end();
  }

  #endAfter(error: unknown): void {
    const isTheirs = error instanceof OutOfOrderError;
    if (!isTheirs && !(error instanceof PlannedError)) throw error;
    if (isTheirs) assert.ok(!this.grammar.isLegal, `a legal host is told: ${error.message}`);
    if (!isTheirs && this.#exchange.fail()) return;
    assert.ok(isTheirs, "an error of ours left a request without an answer");
    this.trace.end = "out of order";
    this.#exchange.end();
  }

  #take(message: PickerMessage): void {
    const { trace } = this;
    assert.equal(trace.end, "open", "answer on a stream that is over");
    assert.equal(trace.finished, 0, "answer after the stream was ended");
    encodeProcessingResponse(message);
    trace.sent.push({
      message,
      pool: this.#world.store.snapshot().map(({ address }) => address),
      allowed: trace.allowed,
    });
  }
}

function check(testCase: StreamCase): void {
  const { bodyBytes, heldBytes, bufferedBytes, seed, poolSize } = testCase;
  const world = new World(seed, { bodyBytes, heldResponseBytes: heldBytes, bufferedBytes });
  world.resize(poolSize);
  const streams = new Map<number, Served>();
  for (const step of testCase.steps) {
    play(step, world, streams);
    const { usedBytes, limitBytes } = world.budget;
    assert.ok(usedBytes >= 0 && usedBytes <= limitBytes, `${usedBytes} bytes held of ${limitBytes}`);
    assert.ok(world.store.ledger.total >= 0, "less than no request in flight");
  }
  for (const served of streams.values()) {
    served.drop();
    const ending = checkTrace(served.trace, served.grammar);
    counts.add(ending);
  }
  checkNothingLeft(world);
}

function play(step: Step, world: World, streams: Map<number, Served>): void {
  switch (step.do) {
    case "send": {
      const served = streams.get(step.stream) ?? new Served(world);
      streams.set(step.stream, served);
      return served.send(step);
    }
    case "drop":
      return streams.get(step.stream)?.drop();
    case "wait":
      return world.clock.advance(step.ms);
    case "pool":
      return world.resize(step.size);
    case "break":
      world.isBroken = true;
  }
}

function checkNothingLeft(world: World): void {
  world.clock.advance(1000);
  assert.deepEqual(world.gauges, { streams: 0, running: 0, dispatched: 0 }, "gauges");
  assert.equal(world.store.ledger.total, 0, "requests in flight");
  assert.deepEqual(
    world.store
      .snapshot()
      .map(({ inFlightRequests }) => inFlightRequests)
      .filter((count) => count !== 0),
    [],
    "requests in flight at an endpoint",
  );
  assert.equal(world.budget.usedBytes, 0, "bytes held");
  assert.equal(world.clock.pending, 0, "timers left");
}
