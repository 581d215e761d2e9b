import assert from "node:assert/strict";
import { test } from "node:test";
import { ObjectiveStore } from "../../src/datastore/objectives.ts";

const gold = { name: "gold", priority: 10 };

test("priorityOf is the objective's priority, and 0 for an unknown name or none (A17 A17b)", () => {
  const store = new ObjectiveStore();
  assert.equal(store.priorityOf("gold"), 0);
  store.reset([gold, { name: "batch", priority: -1 }, { name: "plain", priority: undefined }]);
  const names = ["gold", "batch", "plain", "silver", "", "Gold", "__proto__"];
  assert.deepEqual(
    names.map((name) => store.priorityOf(name)),
    [10, -1, 0, 0, 0, 0, 0],
  );
});

test("F17 an objective of the same name gets the new priority, a removed one 0", () => {
  const store = new ObjectiveStore();
  store.reset([gold, { name: "batch", priority: -1 }]);
  store.upsert({ name: "gold", priority: 3 });
  assert.equal(store.priorityOf("gold"), 3);
  store.remove("gold");
  store.remove("nobody");
  assert.deepEqual([store.priorityOf("gold"), store.priorityOf("batch")], [0, -1]);
  store.reset([gold]);
  assert.deepEqual([store.priorityOf("gold"), store.priorityOf("batch")], [10, 0]);
});

test("a priority is an int32; another one changes nothing", () => {
  const store = new ObjectiveStore();
  store.reset([gold]);
  for (const priority of [-(2 ** 31), 2 ** 31 - 1]) {
    store.upsert({ name: "edge", priority });
    assert.equal(store.priorityOf("edge"), priority);
  }
  for (const priority of [2 ** 31, -(2 ** 31) - 1, 1e30, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const message = `Cannot keep objective "gold": priority ${priority}, expected a whole number from -2147483648 to 2147483647`;
    assert.throws(() => store.upsert({ name: "gold", priority }), { name: "RangeError", message });
    assert.throws(() => store.reset([{ name: "gold", priority }]), { name: "RangeError", message });
  }
  assert.equal(store.priorityOf("gold"), 10);
});
