import assert from "node:assert/strict";
import { test } from "node:test";
import { type PressedKey, pressKey } from "../../src/top/keys.ts";
import { indexOfChosen, type ScreenState, type View } from "../../src/top/screen.ts";
import { aDecision, aScreen } from "../support/a-screen.ts";

const size = { columns: 80, rows: 24 };
const at = (view: View): ScreenState => aScreen([], { view, answered: undefined });

/** Decisions with these sequence numbers, newest first; ids are `request-<sequence>`. */
function withDecisions(sequences: readonly number[], more: Partial<ScreenState> = {}): ScreenState {
  const decisions = sequences.map((sequence) => aDecision({ sequence, requestId: `request-${sequence}` }));
  return aScreen([], { view: "decisions", ...more }, decisions);
}

function pressAll(state: ScreenState, keys: readonly (string | PressedKey)[]): ReturnType<typeof pressKey> {
  let pressed: ReturnType<typeof pressKey> = { state, effect: { kind: "none" } };
  for (const key of keys) {
    pressed = pressKey(pressed.state, typeof key === "string" ? { name: key, sequence: key } : key, size);
  }
  return pressed;
}

const cases: readonly { key: PressedKey; from: View; want: View; effect: string }[] = [
  { key: { name: "d" }, from: "endpoints", want: "decisions", effect: "none" },
  { key: { name: "d" }, from: "decisions", want: "endpoints", effect: "none" },
  { key: { name: "return" }, from: "decisions", want: "decisions", effect: "none" },
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
    const pressed = pressKey(at(from), key, size);
    assert.deepEqual([pressed.state.view, pressed.effect.kind], [want, effect]);
  });
}

test("s goes through the columns that can be sorted by, and back to the pool's order", () => {
  const seen: string[] = [];
  let state = at("endpoints");
  do {
    state = pressKey(state, { name: "s" }, size).state;
    seen.push(state.sortedBy.trim());
  } while (state.sortedBy !== "");
  assert.deepEqual(seen, ["endpoint", "waiting", "running", "KV", "age", "own", "drift", "share", "hits", ""]);
});

test("arrows stay within the decisions there are, also where there is none", () => {
  const chosen = (state: ScreenState, keys: readonly string[]): number | undefined =>
    pressAll(state, keys).state.chosen;
  assert.equal(chosen(withDecisions([]), ["up", "down"]), undefined);
  assert.equal(chosen(withDecisions([3, 2, 1]), ["up"]), 3);
  assert.equal(chosen(withDecisions([3, 2, 1]), ["down", "down", "down", "down"]), 1);
  assert.equal(chosen(withDecisions([3, 2, 1]), ["end"]), 1);
  assert.equal(chosen(withDecisions([3, 2, 1]), ["end", "home"]), 3);
});

test("the chosen decision stays chosen while newer ones come in above it", () => {
  const { state } = pressAll(withDecisions([3, 2, 1]), ["down"]);
  const refreshed = withDecisions([9, 8, 7, 3, 2, 1], { chosen: state.chosen });
  assert.deepEqual(pressAll(refreshed, ["return"]).effect, { kind: "tell", requestId: "request-2" });
});

test("a chosen decision that has left the list gives way to the oldest that is left", () => {
  const state = withDecisions([9, 8, 7], { chosen: 2 });
  assert.equal(indexOfChosen(state, state.answered?.decisions.decisions ?? []), 2);
});

test("without a choice enter reads the newest", () => {
  assert.deepEqual(pressAll(withDecisions([3, 2]), ["return"]).effect, { kind: "tell", requestId: "request-3" });
});

test("a slash takes a request id, which enter asks for; q is a letter of it", () => {
  const typed = pressAll(at("endpoints"), [{ name: undefined, sequence: "/" }, "q", "x", "backspace", "1"]);
  assert.equal(typed.state.typed, "q1");
  const asked = pressAll(typed.state, ["return"]);
  assert.deepEqual([asked.effect, asked.state.typed], [{ kind: "tell", requestId: "q1" }, undefined]);
});

test("escape gives up typing, enter on nothing asks nothing, control keys are no text", () => {
  const typing: PressedKey = { name: undefined, sequence: "/" };
  assert.equal(pressAll(at("help"), [typing, "a", "escape"]).state.typed, undefined);
  assert.equal(pressAll(at("help"), [typing, "return"]).effect.kind, "none");
  assert.equal(pressAll(at("help"), [typing, { name: "u", ctrl: true, sequence: "\u0015" }]).state.typed, "");
  assert.equal(pressAll(at("help"), [typing, { name: "c", ctrl: true }]).effect.kind, "quit");
});

test("a long story scrolls to its end and no further", () => {
  const story = Array.from({ length: 100 }, (_, i) => `line ${i}`).join("\n");
  const state = aScreen([], { view: "story", story });
  assert.equal(pressAll(state, ["down", "down", "up"]).state.scroll, 1);
  assert.equal(pressAll(state, ["end", "down"]).state.scroll, 80);
  assert.equal(pressAll(state, ["end", "home", "up"]).state.scroll, 0);
});
