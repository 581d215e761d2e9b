import assert from "node:assert/strict";
import { test } from "node:test";
import { changeLoad } from "../../../simulator/traces/change-load.ts";
import type { RequestTable } from "../../../simulator/engine/request-table.ts";
import { RequestTableBuilder } from "../../../simulator/traces/request-table-builder.ts";

/** Two sessions of three turns and four single requests; prompt tokens are row numbers from 1. */
function aLoad(): RequestTable {
  const builder = new RequestTableBuilder(16, "m");
  const add = (arrivalMs: number, session?: string, after?: number): number => {
    const turn = { ...(session === undefined ? {} : { session }), ...(after === undefined ? {} : { after }) };
    const index = builder.add({ arrivalMs, promptTokens: builder.count + 1, outputTokens: 1, ...turn });
    builder.addBlocks([index, 100]);
    return index;
  };
  const a1 = add(0, "a");
  add(1000);
  const b1 = add(2000, "b");
  const a2 = add(3000, "a", a1);
  add(4000);
  const b2 = add(5000, "b", b1);
  add(6000, "a", a2);
  add(7000);
  add(8000, "b", b2);
  add(9000);
  return builder.build();
}

test("nothing changes without a change", () => {
  const load = aLoad();
  assert.equal(changeLoad(load, {}), load);
  assert.equal(changeLoad(load, { rateScale: 1, limit: 10 }), load);
});

test("a warp moves sessions and leaves the times within them", () => {
  const warped = changeLoad(aLoad(), { rateScale: 2 });
  assert.deepEqual(
    [...warped.arrivalMs].map((atMs, row) => [atMs, warped.promptTokens[row], warped.afterRow[row]]),
    [
      [0, 1, -1],
      [500, 2, -1],
      [1000, 3, -1],
      [2000, 5, -1],
      [3000, 4, 0],
      [3500, 8, -1],
      [4000, 6, 2],
      [4500, 10, -1],
      [6000, 7, 4],
      [7000, 9, 6],
    ],
  );
  // Blocks went along: each row has one of its own and one after it.
  const blocks = Array.from({ length: 10 }, (_, row) => warped.blocks[warped.blockStart[row] as number]);
  assert.deepEqual(
    blocks,
    [...warped.promptTokens].map((row) => 2 * row - 1),
  );
});

test("thinning leaves out whole sessions, about as many as it should, by its seed", () => {
  const builder = new RequestTableBuilder(16, "m");
  for (let i = 0; i < 4000; i++) builder.add({ arrivalMs: i, promptTokens: 1, outputTokens: 1, session: i % 2000 });
  const load = builder.build();
  const thinned = changeLoad(load, { rateScale: 0.25, scaleBy: "thinning", seed: 5 });
  const turns = new Map<number, number>();
  for (const session of thinned.session) turns.set(session, (turns.get(session) ?? 0) + 1);
  assert.ok([...turns.values()].every((rows) => rows === 2));
  assert.ok(Math.abs(turns.size - 500) < 75, `${turns.size} sessions of 2000`);
  assert.deepEqual(changeLoad(load, { rateScale: 0.25, scaleBy: "thinning", seed: 5 }), thinned);
  assert.notDeepEqual(changeLoad(load, { rateScale: 0.25, scaleBy: "thinning", seed: 6 }), thinned);
});

test("a limit keeps the first to arrive", () => {
  const limited = changeLoad(aLoad(), { limit: 4 });
  assert.deepEqual([...limited.promptTokens], [1, 2, 3, 4]);
  assert.deepEqual([...limited.afterRow], [-1, -1, -1, 0]);
  assert.deepEqual([...limited.blockStart], [0, 2, 4, 6, 8]);
});

test("fields out of range are refused", () => {
  const load = aLoad();
  assert.throws(() => changeLoad(load, { rateScale: 0 }), /Cannot scale a rate by "0"/);
  assert.throws(() => changeLoad(load, { rateScale: Number.NaN }), RangeError);
  assert.throws(() => changeLoad(load, { limit: 0 }), /Cannot limit a load to "0" requests/);
  assert.throws(() => changeLoad(load, { rateScale: 2, scaleBy: "thinning" }), /Cannot thin a load to "2"/);
});
