import assert from "node:assert/strict";
import { test } from "node:test";
import { readRecordedLoad } from "../../../simulator/recording/recorded-load.ts";
import { collectRun } from "../../../simulator/recording/recorded-run.ts";
import { aRequest } from "../../support/a-request.ts";
import { inMemory, RecordedPicker, specOf } from "../../support/a-recorded-picker.ts";

test("recorded requests are a load: arrivals, reported lengths, adapters, shared beginnings", () => {
  const picker = new RecordedPicker();
  picker.store.reset([specOf(0)]);
  const { id, incarnation } = specOf(0);
  const adapters = { running: new Set(["sql"]), waiting: new Set<string>(), maxAdapters: 4 };
  picker.store.putSample(id, incarnation, { sampledAtMs: 0, adapters });
  const shared = "s".repeat(2048);
  const prompts = [`${shared}${"a".repeat(300)}`, `${shared}${"b".repeat(300)}`, "other ".repeat(100)];
  for (const [i, prompt] of prompts.entries()) {
    picker.clock.advance(100);
    picker.route(
      aRequest({ prompt, model: i === 2 ? "sql" : "base", priority: i === 1 ? -1 : 0, maxOutputTokens: 50 }),
    );
  }
  const [first] = picker.open;
  first?.completed(200, { promptTokens: 587, completionTokens: 30, totalTokens: 617, cachedTokens: undefined });
  first?.release("completed");
  const { requests, notes } = readRecordedLoad(collectRun(inMemory(picker.lines)));
  assert.deepEqual([...requests.arrivalMs], [0, 100, 200]);
  assert.deepEqual([...requests.promptTokens], [587, 587, 150]);
  assert.deepEqual([...requests.outputTokens], [30, 30, 30]);
  assert.deepEqual([...requests.maxOutputTokens], [50, 50, 50]);
  assert.deepEqual([...requests.priority], [0, -1, 0]);
  assert.deepEqual([requests.adapters, [...requests.adapter]], [["sql"], [-1, -1, 0]]);
  const blocks = (row: number): number[] => [
    ...requests.blocks.subarray(requests.blockStart[row], requests.blockStart[row + 1]),
  ];
  assert.equal(requests.blockTokens, 64);
  assert.equal(blocks(0).length, 9);
  assert.deepEqual(blocks(0).slice(0, 8), blocks(1).slice(0, 8));
  assert.notEqual(blocks(0)[8], blocks(1)[8]);
  assert.equal(blocks(2).length, 2);
  assert.deepEqual(notes, ["2 answers of unknown length are taken to have 30 tokens."]);
});

test("a recording without a request cannot be a load, and says what it is", () => {
  const picker = new RecordedPicker();
  picker.store.reset([specOf(0)]);
  assert.throws(() => readRecordedLoad(collectRun(inMemory(picker.lines))), {
    message: /^Cannot simulate recording .*: found no request, expected decisions of a picker$/,
  });
});
