import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteBudget } from "../../src/extproc/byte-budget.ts";
import { Exchange, type ExchangeDeps } from "../../src/extproc/exchange.ts";
import { HeaderList } from "../../src/extproc/header-list.ts";
import { defaultLimits, type ExchangeLimits } from "../../src/extproc/limits.ts";
import type { HostEvent, HostMessage, PickerMessage } from "../../src/extproc/messages.ts";
import type { ExchangeObserver } from "../../src/extproc/observer.ts";
import { ReceivingSweep } from "../../src/extproc/receiving-sweep.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { reject } from "../../src/routing/decision.ts";

const silentObserver: ExchangeObserver = {
  streamOpened: () => {},
  streamClosed: () => {},
  illegalMessage: () => {},
  degradedPick: () => {},
  routed: () => {},
  rejected: () => {},
  chunk: () => {},
  completed: () => {},
  closed: () => {},
};

/** Exchanges over virtual time whose requests are all refused as saturated: these tests are about getting that far. */
function aServer(limits: Partial<ExchangeLimits> = {}) {
  const clock = new VirtualClock();
  const all = { ...defaultLimits, ...limits };
  const budget = new ByteBudget(all.bufferedBytes);
  const deps: ExchangeDeps = {
    clock,
    limits: all,
    budget,
    sweep: new ReceivingSweep(clock),
    observer: silentObserver,
    newRequestId: () => "made-up",
    policy: () => ({
      parsers: ["openai-parser", "passthrough-parser"],
      pluginHeaders: [],
      priorityOf: () => 0,
      rewriteModel: () => undefined,
    }),
    route: () => reject("rejected-saturated", "no endpoints available for the given request"),
    dispatched: () => assert.fail("nothing is dispatched"),
  };
  const open = () => {
    const sent: PickerMessage[] = [];
    const exchange = new Exchange(
      deps,
      (message) => sent.push(message),
      () => exchange.end(),
    );
    const statuses = (): (number | undefined)[] =>
      sent.map((message) => (message.kind === "immediate" ? message.status : undefined));
    return { exchange, statuses };
  };
  return { clock, budget, open };
}

function message(event: HostEvent): HostMessage {
  return { event, metadata: undefined, observabilityMode: false, protocolConfig: undefined };
}

function headers(path = "/v1/completions"): HostMessage {
  const list = new HeaderList();
  list.add(":path", Buffer.from(path));
  return message({ kind: "headers", phase: "request", headers: list, endOfStream: false });
}

function body(text: string, endOfStream = false): HostMessage {
  return message({ kind: "body", phase: "request", body: Buffer.from(text), endOfStream });
}

test("F49 a body that pauses for longer than the gap is refused with 408", () => {
  const { clock, budget, open } = aServer();
  const { exchange, statuses } = open();
  exchange.receive(headers());
  for (const piece of ['{"prompt":"to be', " or not"]) {
    clock.advance(9_000);
    exchange.receive(body(piece));
  }
  assert.deepEqual(statuses(), []);
  clock.advance(10_300);
  assert.deepEqual(statuses(), [408]);
  assert.equal(budget.usedBytes, 0);
  assert.equal(clock.pending, 0, "no timer is left");
});

test("F49 a body that trickles beyond its deadline is refused with 408", () => {
  const { clock, open } = aServer();
  const { exchange, statuses } = open();
  exchange.receive(headers("/upload"));
  for (let second = 0; second < 31; second++) {
    exchange.receive(body("x"));
    clock.advance(1_000);
  }
  assert.deepEqual(statuses(), [408]);
});

test("F49 one timer serves any number of requests, and none while there is none", () => {
  const { clock, open } = aServer();
  const exchanges = Array.from({ length: 1000 }, () => open());
  for (const { exchange } of exchanges) exchange.receive(headers());
  assert.equal(clock.pending, 1);
  for (const { exchange } of exchanges) exchange.end();
  clock.advance(300);
  assert.equal(clock.pending, 0);
});

test("T05 bodies share a budget: what does not fit is refused with 503, and freed bytes serve others", () => {
  const { budget, open } = aServer({ bufferedBytes: 10 });
  const [first, second, third] = [open(), open(), open()];
  for (const { exchange } of [first, second, third]) exchange.receive(headers("/upload"));
  first.exchange.receive(body("12345678"));
  second.exchange.receive(body("123"));
  assert.deepEqual(second.statuses(), [503]);
  assert.equal(budget.usedBytes, 8);
  first.exchange.end();
  third.exchange.receive(body("1234567890", true));
  assert.deepEqual(third.statuses(), [429], "it came as far as the decision");
  assert.equal(budget.usedBytes, 0);
});

for (const [bytes, status] of [
  [99, undefined],
  [100, undefined],
  [101, 413],
] as const) {
  test(`F50 a body of ${bytes} bytes under a cap of 100 is ${status === undefined ? "taken" : "refused with 413"}`, () => {
    const { budget, open } = aServer({ bodyBytes: 100 });
    const { exchange, statuses } = open();
    exchange.receive(headers("/upload"));
    exchange.receive(body("x".repeat(bytes)));
    assert.deepEqual(statuses(), status === undefined ? [] : [status]);
    exchange.end();
    assert.equal(budget.usedBytes, 0);
  });
}

test("F46 an end in the middle of a body frees it", () => {
  const { budget, clock, open } = aServer();
  const { exchange } = open();
  exchange.receive(headers());
  exchange.receive(body('{"model":"base","prompt":"half'));
  assert.equal(budget.usedBytes, 30);
  exchange.end();
  exchange.end();
  assert.equal(budget.usedBytes, 0);
  clock.advance(1000);
  assert.equal(clock.pending, 0);
});
