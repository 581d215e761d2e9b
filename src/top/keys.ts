import { type ScreenState, sortableTitles, type View } from "./screen.ts";

/** What a key does beside changing the screen. */
export type KeyEffect = "quit" | "tell" | "none";

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

/** The screen after a key, and whether to quit or to fetch the story of the chosen decision. Other keys change nothing. */
export function pressKey(state: ScreenState, key: PressedKey): Pressed {
  const { name = "", sequence } = key;
  if (isQuit(key)) return { state, effect: "quit" };
  if (sequence === "?") return show(state, "help");
  switch (name) {
    case "escape":
      return show(state, state.view === "story" ? "decisions" : "endpoints");
    case "d":
      return show(state, state.view === "decisions" ? "endpoints" : "decisions");
    case "s":
      return { state: { ...state, sortedBy: nextTitle(state.sortedBy) }, effect: "none" };
    default:
      return state.view === "decisions" ? choose(state, name) : { state, effect: "none" };
  }
}

function isQuit({ name, ctrl = false }: PressedKey): boolean {
  return name === "q" || (ctrl && (name === "c" || name === "d"));
}

function show(state: ScreenState, view: View): Pressed {
  return { state: { ...state, view }, effect: "none" };
}

function choose(state: ScreenState, key: string): Pressed {
  if (key === "return" || key === "enter") return { state, effect: "tell" };
  const last = (state.answered?.decisions.decisions.length ?? 0) - 1;
  const by = key === "up" ? -1 : key === "down" ? 1 : 0;
  return { state: { ...state, chosen: Math.max(0, Math.min(last, state.chosen + by)) }, effect: "none" };
}

function nextTitle(title: string): string {
  const titles = ["", ...sortableTitles()];
  return titles[(titles.indexOf(title) + 1) % titles.length] ?? "";
}
