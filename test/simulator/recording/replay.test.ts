import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { replay } from "../../../simulator/recording/replay.ts";
import { aRequest } from "../../support/a-request.ts";
import { compileConfig, inMemory, RecordedPicker, specOf } from "../../support/a-recorded-picker.ts";

const loadOnly = compileConfig(`apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: queue-scorer
  - type: max-score-picker
schedulingProfiles:
  - name: default
    plugins:
      - pluginRef: queue-scorer
      - pluginRef: max-score-picker
`);
const replayAll = (picker: RecordedPicker, configs: Parameters<typeof replay>[0]["configs"] = []) =>
  replay({ recording: inMemory(picker.lines), load: compileConfig, configs });

const endpoint = fc.nat(4);
const count = fc.nat(40);
/** What may happen to a picker, one thing after another. */
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("route"), prompt: fc.nat(5), length: fc.nat(3000) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("ask"), at: endpoint }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("sample"),
      at: endpoint,
      waiting: count,
      running: count,
      kv: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("bad-sample"), at: endpoint }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("contact"), at: endpoint, isRefused: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("time"), ms: fc.double({ min: 0, max: 300, noNaN: true }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("first"), which: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("end"), which: fc.nat(20), tokens: fc.nat(900) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("moved"), which: fc.nat(20), at: endpoint }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("join"), at: endpoint, life: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave"), at: endpoint }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("look") }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

function act(picker: RecordedPicker, lives: Map<number, number>, done: Action): void {
  const { store, clock, open } = picker;
  const place = (at: number): [string, string] => {
    const { id, incarnation } = specOf(at, lives.get(at));
    return [id, incarnation];
  };
  const pick = (which: number) => open[which % Math.max(1, open.length)];
  switch (done.kind) {
    case "route":
      return picker.route(aRequest({ prompt: `${done.prompt}`.repeat(done.length + 1), maxOutputTokens: 100 }));
    case "ask":
      return store.announceSample(...place(done.at), clock.nowMs());
    case "sample": {
      const { waiting: waitingRequests, running: runningRequests, kv: kvCacheRatio } = done;
      const adapters = { running: new Set(["a"]), waiting: new Set<string>(), maxAdapters: 4 };
      const cacheInfo = { blockSizeTokens: 16, blocks: 900 };
      const load = { waitingRequests, runningRequests, kvCacheRatio, adapters, cacheInfo };
      return store.putSample(...place(done.at), { sampledAtMs: clock.nowMs(), ...load });
    }
    case "bad-sample":
      return store.putSample(...place(done.at), { sampledAtMs: clock.nowMs(), waitingRequests: null });
    case "contact":
      return store.putContact(...place(done.at), done.isRefused ? "refused" : "answered");
    case "time":
      return clock.advance(done.ms);
    case "first":
      return pick(done.which)?.firstByte();
    case "moved":
      return void pick(done.which)?.responded(specOf(done.at).address, 200);
    case "end": {
      const [ended] = open.splice(done.which % Math.max(1, open.length), 1);
      const usage = { promptTokens: done.tokens, completionTokens: 20, totalTokens: 0, cachedTokens: undefined };
      if (done.tokens > 0) ended?.completed(200, usage);
      return ended?.release(done.tokens > 0 ? "completed" : "client-disconnect");
    }
    case "join":
      lives.set(done.at, done.life);
      return store.upsert(specOf(done.at, done.life));
    case "leave":
      return store.remove(specOf(done.at).id);
    case "look":
      return void store.snapshot(clock.nowMs());
  }
}

test("whatever happens to a picker, its recorded config decides every recorded request again as it did", () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 20, maxLength: 200 }), (actions) => {
      const picker = new RecordedPicker();
      picker.store.reset([specOf(0), specOf(1), specOf(2)]);
      const lives = new Map<number, number>();
      for (const one of actions) act(picker, lives, one);
      const { recorded } = replayAll(picker);
      assert.deepEqual([recorded.decisions, recorded.identical], [picker.verdicts.length, picker.verdicts.length]);
    }),
    { numRuns: 200 },
  );
});

/** Three servers, of which the first has the prompt and a queue. */
function aPickerWithPrefix(): RecordedPicker {
  const picker = new RecordedPicker();
  picker.store.reset([specOf(0), specOf(1), specOf(2)]);
  const request = aRequest({ prompt: "x".repeat(4000) });
  const sample = (at: number, waitingRequests: number): void => {
    const { id, incarnation } = specOf(at);
    picker.store.putSample(id, incarnation, {
      sampledAtMs: picker.clock.nowMs(),
      waitingRequests,
      runningRequests: waitingRequests,
      kvCacheRatio: 0.1,
    });
  };
  for (const at of [0, 1, 2]) sample(at, at === 0 ? 0 : 4);
  picker.route(request);
  picker.clock.advance(50);
  for (const at of [0, 1, 2]) sample(at, at === 0 ? 4 : 0);
  picker.route(request);
  return picker;
}

test("another config's picks are told by from, to and number, and nothing else changes", () => {
  const picker = aPickerWithPrefix();
  assert.deepEqual(picker.verdicts, ["default/server-0", "default/server-0"]);
  const { configs, disagreement } = replayAll(picker, [{ name: "load only", config: loadOnly }]);
  const [other] = configs;
  assert.deepEqual([other?.decisions, other?.identical, other?.refused], [2, 1, 0]);
  assert.equal(other?.changes.length, 1);
  assert.equal(other?.changes[0]?.from, "default/server-0");
  assert.match(other?.changes[0]?.to ?? "", /server-[12]$/);
  assert.deepEqual(disagreement, [
    [0, 0.5],
    [0.5, 0],
  ]);
});

test("a policy learns where requests were really sent, not where it would have sent them", () => {
  const picker = aPickerWithPrefix();
  const { configs } = replayAll(picker, [{ name: "same", config: compileConfig(undefined) }]);
  assert.equal(configs[0]?.identical, 2);
});

test("a refusal is recorded and repeated with its reason", () => {
  const picker = new RecordedPicker();
  picker.route(aRequest({}));
  const { recorded } = replayAll(picker);
  assert.deepEqual([recorded.decisions, recorded.identical, recorded.refused], [1, 1, 1]);
  assert.deepEqual(picker.verdicts, ["refused: rejected-no-endpoints"]);
});

test("configs that read request headers make a replay inexact, which it says", () => {
  const picker = aPickerWithPrefix();
  const config = compileConfig(`apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: header-based-testing-filter
  - type: max-score-picker
schedulingProfiles:
  - name: default
    plugins:
      - pluginRef: header-based-testing-filter
      - pluginRef: max-score-picker
`);
  const { cautions } = replayAll(picker, [{ name: "by header", config }]);
  assert.equal(cautions.length, 1);
  assert.match(cautions[0] ?? "", /request headers, which recordings do not hold/);
});
