import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../../src/lib/clock.ts";
import { VirtualClock } from "../../../src/lib/virtual-clock.ts";
import { Engine } from "../../../simulator/emulated-server/engine.ts";
import { createReplica } from "../../../simulator/replica/replica.ts";
import { aConfig, aRequest } from "../replica/support.ts";

interface Heard {
  readonly id: number;
  readonly atMs: number;
  /** Clock's time when the token was handed out. */
  readonly heardMs: number;
}

function startEngine(
  clock: Clock,
  overrides = {},
): { engine: Engine; heard: Heard[]; ask: (id: number, tokens: number) => void } {
  const engine = new Engine(createReplica(aConfig(overrides)), clock, () => {});
  const heard: Heard[] = [];
  const ask = (id: number, outputTokens: number): void =>
    engine.generate(aRequest(id, { outputTokens }), ({ id: token }, atMs) => {
      heard.push({ id: token, atMs, heardMs: clock.nowMs() });
    });
  return { engine, heard, ask };
}

test("tokens come at the ends of the steps", () => {
  const clock = new VirtualClock();
  const { heard, ask } = startEngine(clock, { requestOverheadMs: 3 });
  clock.advance(100);
  ask(1, 2);
  clock.advance(50);
  assert.deepEqual(heard, [
    { id: 1, atMs: 113, heardMs: 113 },
    { id: 1, atMs: 123, heardMs: 123 },
  ]);
  assert.equal(clock.pending, 0);
});

test("a late wake-up delays tokens but not the time line of the model", () => {
  const clock = new VirtualClock();
  const late: Clock = {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    after: (delayMs, callback) => clock.after(delayMs + 7, callback),
  };
  const { heard, ask } = startEngine(late);
  ask(1, 4);
  clock.advance(200);
  assert.deepEqual(
    heard.map(({ atMs }) => atMs),
    [10, 20, 30, 40],
  );
  assert.deepEqual(
    heard.map(({ heardMs }) => heardMs),
    [17, 27, 37, 47],
  );
});

test("a process that slept long makes up for the steps it missed", () => {
  const clock = new VirtualClock();
  let nowMs = 0;
  const jumping: Clock = {
    nowMs: () => nowMs,
    wallMs: () => 0,
    after: (delayMs, callback) => clock.after(delayMs, callback),
  };
  const { heard, ask } = startEngine(jumping);
  ask(1, 20);
  nowMs = 1000;
  clock.advance(10);
  assert.equal(heard.length, 20);
  assert.equal(heard.at(-1)?.atMs, 200);
});

test("a slow engine takes a multiple of the time, a hanging one stops and goes on", () => {
  const clock = new VirtualClock();
  const { engine, heard, ask } = startEngine(clock);
  engine.slowDown(3);
  ask(1, 2);
  clock.advance(35);
  engine.hang(true);
  clock.advance(1000);
  assert.deepEqual(
    heard.map(({ atMs }) => atMs),
    [30],
  );
  engine.hang(false);
  clock.advance(100);
  assert.deepEqual(
    heard.map(({ atMs }) => atMs),
    [30, 1035],
  );
});

test("the load at the last step does not know what came after it", () => {
  const clock = new VirtualClock();
  const { engine, ask } = startEngine(clock);
  ask(1, 5);
  assert.equal(engine.load().running, 1);
  assert.equal(engine.loadAtLastStep().running, 0);
  clock.advance(10);
  assert.equal(engine.loadAtLastStep().running, 1);
  engine.cancel(1);
  engine.close();
  assert.equal(clock.pending, 0);
});
