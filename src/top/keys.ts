import {
  farthestScroll,
  indexOfChosen,
  type ScreenSize,
  type ScreenState,
  sortableTitles,
  type View,
} from "./screen.ts";

/** What a key does beside changing the screen; `tell`: fetch the story of `requestId`. */
export type KeyEffect = { readonly kind: "quit" | "none" } | { readonly kind: "tell"; readonly requestId: string };

/** A key as a terminal's line reader names it: "up", "return", "q". */
export interface PressedKey {
  readonly name: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
}

/** A screen, and what is to be done. */
export interface Pressed {
  readonly state: ScreenState;
  readonly effect: KeyEffect;
}

const nothing: KeyEffect = { kind: "none" };
/** Longest request id that can be typed. */
const maxTyped = 256;

/** The screen after a key, and whether to quit or to fetch the story of a request. Other keys change nothing. */
export function pressKey(state: ScreenState, key: PressedKey, size: ScreenSize): Pressed {
  if (isQuit(state, key)) return { state, effect: { kind: "quit" } };
  if (state.typed !== undefined) return type(state, state.typed, key);
  if (key.sequence === "/") return { state: { ...state, typed: "" }, effect: nothing };
  return turn(state, key) ?? move(state, key.name ?? "", size);
}

function isQuit({ typed }: ScreenState, { name, ctrl = false }: PressedKey): boolean {
  return ctrl ? name === "c" || name === "d" : name === "q" && typed === undefined;
}

/** Keys that show something else, or in another order. */
function turn(state: ScreenState, { name, sequence }: PressedKey): Pressed | undefined {
  if (sequence === "?") return show(state, "help");
  if (name === "escape") return show(state, state.view === "story" ? "decisions" : "endpoints");
  if (name === "d") return show(state, state.view === "decisions" ? "endpoints" : "decisions");
  if (name === "s") return { state: { ...state, sortedBy: nextTitle(state.sortedBy) }, effect: nothing };
  return undefined;
}

function move(state: ScreenState, key: string, size: ScreenSize): Pressed {
  return state.view === "decisions" ? choose(state, key, size) : scroll(state, key, size);
}

/** A key while a request id is typed: what can be seen is added, enter asks, escape gives up. */
function type(state: ScreenState, typed: string, { name = "", sequence = "", ctrl = false }: PressedKey): Pressed {
  const done = { ...state, typed: undefined };
  if (name === "escape") return { state: done, effect: nothing };
  if (name === "return" || name === "enter") {
    return { state: done, effect: typed === "" ? nothing : { kind: "tell", requestId: typed } };
  }
  if (name === "backspace") return { state: { ...state, typed: typed.slice(0, -1) }, effect: nothing };
  const isText = !ctrl && /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u.test(sequence);
  return { state: isText ? { ...state, typed: (typed + sequence).slice(0, maxTyped) } : state, effect: nothing };
}

function show(state: ScreenState, view: View): Pressed {
  return { state: { ...state, view, scroll: 0 }, effect: nothing };
}

function choose(state: ScreenState, key: string, size: ScreenSize): Pressed {
  const rows = state.answered?.decisions.decisions ?? [];
  const at = indexOfChosen(state, rows);
  const chosen = rows[at];
  if (key === "return" || key === "enter") {
    return { state, effect: chosen === undefined ? nothing : { kind: "tell", requestId: chosen.requestId } };
  }
  const next = rows[Math.max(0, Math.min(rows.length - 1, at + linesOf(key, size)))];
  return { state: { ...state, chosen: next?.sequence ?? state.chosen }, effect: nothing };
}

function scroll(state: ScreenState, key: string, size: ScreenSize): Pressed {
  const farthest = farthestScroll(state, size);
  const from = Math.min(state.scroll, farthest);
  return { state: { ...state, scroll: Math.max(0, Math.min(farthest, from + linesOf(key, size))) }, effect: nothing };
}

/** How many lines a key moves by, downwards. */
function linesOf(key: string, { rows }: ScreenSize): number {
  const page = Math.max(1, rows - 6);
  const moves: Partial<Record<string, number>> = {
    up: -1,
    down: 1,
    pageup: -page,
    pagedown: page,
    home: Number.NEGATIVE_INFINITY,
    end: Number.POSITIVE_INFINITY,
  };
  return moves[key] ?? 0;
}

function nextTitle(title: string): string {
  const titles = ["", ...sortableTitles()];
  return titles[(titles.indexOf(title) + 1) % titles.length] ?? "";
}
