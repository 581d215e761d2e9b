import assert from "node:assert/strict";
import { test } from "node:test";
import { createRegistry, schedulingPlugins } from "../../src/scheduling/registry.ts";

test("createRegistry finds plugins by type and lists the types in order", () => {
  const registry = createRegistry(schedulingPlugins);
  assert.equal(registry.find("queue-scorer")?.type, "queue-scorer");
  assert.equal(registry.find("nothing"), undefined);
  assert.deepEqual(registry.types, schedulingPlugins.map(({ type }) => type).toSorted());
});

test("createRegistry throws when a type is given twice", () => {
  const [plugin] = schedulingPlugins;
  assert.ok(plugin);
  assert.throws(() => createRegistry([plugin, plugin]), /Cannot register plugin "queue-scorer": the type is taken/);
});
