import assert from "node:assert/strict";
import test from "node:test";

interface SkipList {
  readonly add: (event: { name: string; skip?: string | boolean; file?: string }) => void;
  readonly format: () => string;
}
interface SkipListModule {
  readonly createSkipList: (root: string) => SkipList;
}
const file = new URL("../../scripts/skip-list.mjs", import.meta.url).href;
const { createSkipList } = (await import(file)) as SkipListModule;

test("createSkipList lists what was skipped with the reason", () => {
  const skips = createSkipList("/repo");
  assert.equal(skips.format(), "Skipped: nothing\n");
  skips.add({ name: "passes", file: "/repo/test/a.test.ts" });
  skips.add({ name: "needs Envoy", skip: "Envoy not found", file: "/repo/test/b.test.ts" });
  skips.add({ name: "says nothing", skip: true, file: "/repo/test/b.test.ts" });
  assert.equal(
    skips.format(),
    "Skipped: 2\n  test/b.test.ts: needs Envoy: Envoy not found\n  test/b.test.ts: says nothing: no reason given\n",
  );
});
