import assert from "node:assert/strict";
import { test } from "node:test";
import { LruMap } from "../../src/lib/lru-map.ts";

test("LruMap forgets the entry untouched for longest", () => {
  const map = new LruMap<string, number>(2);
  assert.equal(map.set("a", 1), undefined);
  map.set("b", 2);
  assert.equal(map.get("a"), 1);
  assert.equal(map.set("c", 3), 2, "b was untouched for longest");
  assert.deepEqual(
    [...map.entries()],
    [
      ["a", 1],
      ["c", 3],
    ],
  );
  assert.equal(map.get("b"), undefined);
  assert.deepEqual([map.delete("a"), map.delete("a"), map.size], [true, false, 1]);
});
