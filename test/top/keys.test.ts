import assert from "node:assert/strict";
import { test } from "node:test";
import { type PressedKey, pressKey } from "../../src/top/keys.ts";
import type { ScreenState, View } from "../../src/top/screen.ts";

const at = (view: View): ScreenState => ({
  address: "",
  answered: undefined,
  problem: undefined,
  view,
  sortedBy: "",
  chosen: 0,
  story: "",
});

const cases: readonly { key: PressedKey; from: View; want: View; effect: string }[] = [
  { key: { name: "d" }, from: "endpoints", want: "decisions", effect: "none" },
  { key: { name: "d" }, from: "decisions", want: "endpoints", effect: "none" },
  { key: { name: "return" }, from: "decisions", want: "decisions", effect: "tell" },
  { key: { name: "return" }, from: "endpoints", want: "endpoints", effect: "none" },
  { key: { name: "escape" }, from: "story", want: "decisions", effect: "none" },
  { key: { name: "escape" }, from: "decisions", want: "endpoints", effect: "none" },
  { key: { name: undefined, sequence: "?" }, from: "endpoints", want: "help", effect: "none" },
  { key: { name: "q" }, from: "story", want: "story", effect: "quit" },
  { key: { name: "c", ctrl: true }, from: "endpoints", want: "endpoints", effect: "quit" },
  { key: { name: "x" }, from: "endpoints", want: "endpoints", effect: "none" },
];
for (const { key, from, want, effect } of cases) {
  test(`key ${key.ctrl === true ? "ctrl-" : ""}${key.name ?? key.sequence} in ${from}: ${want}, ${effect}`, () => {
    const pressed = pressKey(at(from), key);
    assert.deepEqual([pressed.state.view, pressed.effect], [want, effect]);
  });
}

test("s goes through the columns that can be sorted by, and back to the pool's order", () => {
  const seen: string[] = [];
  let state = at("endpoints");
  do {
    state = pressKey(state, { name: "s" }).state;
    seen.push(state.sortedBy.trim());
  } while (state.sortedBy !== "");
  assert.deepEqual(seen, ["endpoint", "waiting", "running", "KV", "age", "own", "drift", "share", "hits", ""]);
});

test("arrows stay within the decisions there are", () => {
  const state = at("decisions");
  assert.equal(pressKey(state, { name: "up" }).state.chosen, 0);
  assert.equal(pressKey(state, { name: "down" }).state.chosen, 0);
});
