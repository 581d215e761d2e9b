import assert from "node:assert/strict";
import test from "node:test";
import { Cleanup } from "../../../simulator/demo/cleanup.ts";

test("Cleanup takes every step once in reverse order, also when one fails", async () => {
  const cleanup = new Cleanup();
  const taken: number[] = [];
  cleanup.defer(() => void taken.push(1));
  cleanup.defer(() => {
    throw new Error("second");
  });
  cleanup.defer(async () => void taken.push(3));
  await assert.rejects(cleanup.run(), /second/);
  assert.deepEqual(taken, [3, 1]);
  await cleanup.run();
  assert.deepEqual(taken, [3, 1]);
});
