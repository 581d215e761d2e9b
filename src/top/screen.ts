import type { DecisionsPage } from "../decisions/decisions-page.ts";
import type { EndpointsPage } from "../decisions/endpoints-page.ts";
import { formatSpan } from "../decisions/find-decisions.ts";
import { printableText } from "../lib/printable-text.ts";
import { decisionColumns, type DecisionRow } from "./decision-columns.ts";
import { type EndpointColumn, endpointColumns, type EndpointRow, markLegend } from "./endpoint-columns.ts";
import { textTable } from "./text-table.ts";

/** What is looked at. */
export type View = "endpoints" | "decisions" | "story" | "help";

/** What a picker answered last. */
export interface Answered {
  readonly endpoints: EndpointsPage;
  readonly decisions: DecisionsPage;
}

/** Everything that the screen shows. */
export interface ScreenState {
  /** `host:port` of the picker. */
  readonly address: string;
  /** undefined until the picker has answered. */
  readonly answered: Answered | undefined;
  /** Why the last question got no answer; undefined when it did. */
  readonly problem: string | undefined;
  readonly view: View;
  /** Title of the column that endpoints are sorted by; "" for the order of the pool. */
  readonly sortedBy: string;
  /** Sequence number of the decision that is chosen; undefined: the newest. */
  readonly chosen: number | undefined;
  /** Lines of the body above the first that is shown; more than there are counts as all but the last screen. */
  readonly scroll: number;
  /** What was typed of a request id so far; undefined: none is being typed. */
  readonly typed: string | undefined;
  /** Story of a decision, as `epp explain` tells it. */
  readonly story: string;
}

/** Columns and rows of a terminal. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

const help = [
  "d      the last decisions, or back to the endpoints",
  "s      sort endpoints by the next column",
  "up, down, page up, page down, home, end   scroll, or choose a decision",
  "enter  the story of the chosen decision",
  "/      type a request id, enter reads its story",
  "esc    back",
  "q      quit",
  "",
  "waiting, running, KV   as decisions see them",
  "age     of the oldest sample of the three",
  "own     requests of this picker under way",
  "drift   waiting + running as decisions see them, less own",
  "share   of the requests of the last minute",
  "hits    share of prompt blocks found cached, of those requests",
  "state   a + behind it: there is more",
  "",
  markLegend,
];

/** The screen as lines, none longer than the terminal is wide and no more than it has rows. */
export function renderScreen(state: ScreenState, size: ScreenSize): string[] {
  const head = [summary(state, size.columns), ...(state.problem === undefined ? [] : [`! ${state.problem}`])];
  const foot = footOf(state);
  const room = roomOf(state, size);
  const body = state.answered === undefined ? [] : windowOf(state, state.answered, { ...size, rows: room });
  const lines = [...head, "", ...body, "", foot];
  return lines.slice(0, size.rows).map((line) => line.slice(0, size.columns).trimEnd());
}

/** Rows of the body: a head of one line or two, a foot, and an empty line beside each. */
function roomOf({ problem }: ScreenState, { rows }: ScreenSize): number {
  return Math.max(1, rows - (problem === undefined ? 4 : 5));
}

/** How far the body can be scrolled: until its last line is shown. */
export function farthestScroll(state: ScreenState, size: ScreenSize): number {
  if (state.answered === undefined) return 0;
  const { fixed, lines } = bodyOf(state, state.answered, size.columns);
  return Math.max(0, lines.length - (roomOf(state, size) - fixed.length));
}

/** Place of the chosen decision among `rows`, newest first: the next newer one where it has left the list. */
export function indexOfChosen({ chosen }: ScreenState, rows: readonly DecisionRow[]): number {
  if (chosen === undefined) return 0;
  const at = rows.findIndex(({ sequence }) => sequence <= chosen);
  return at >= 0 ? at : Math.max(0, rows.length - 1);
}

/** What fits, the least important last. */
function summary({ address, answered }: ScreenState, columns: number): string {
  const name = `epp top  ${printableText(address, 60)}`;
  if (answered === undefined) return `${name}  waiting for an answer`;
  const { endpoints, configRevision, pool } = answered.endpoints;
  const parts = [
    name,
    `pool ${printableText(pool, 40)}`,
    endpoints.length === 1 ? "1 endpoint" : `${endpoints.length} endpoints`,
    `${requestRate(answered.decisions).toFixed(1)} req/s`,
    `ring ${formatSpan(answered.decisions.kept.spanSeconds)}`,
    `config ${configRevision}`,
  ];
  while (parts.length > 1 && parts.join("  ").length > columns) parts.pop();
  return parts.join("  ");
}

/** Requests a second over the newest decisions, refusals among them; 0 without any. */
function requestRate({ decisions, nowMs }: DecisionsPage): number {
  const oldest = decisions.at(-1);
  if (oldest === undefined) return 0;
  return (decisions.length * 1000) / Math.max(1000, nowMs - oldest.decidedAtMs);
}

function footOf({ view, sortedBy, typed }: ScreenState): string {
  if (typed !== undefined) return `request id: ${printableText(typed, 1000)}_   enter why  esc back`;
  if (view === "help" || view === "story") return "up/down scroll  esc back  q quit";
  if (view === "decisions") return "up/down choose  enter why  / find  d endpoints  ? help  q quit";
  return `d decisions  s sort${sortedBy === "" ? "" : ` (${sortedBy.trim()})`}  / find  ? help  q quit   + moved  ~ blended  # total`;
}

/** What is looked at: lines that stay, and lines that scroll. */
interface Body {
  readonly fixed: readonly string[];
  readonly lines: readonly string[];
}

function bodyOf(state: ScreenState, answered: Answered, columns: number): Body {
  switch (state.view) {
    case "endpoints":
      return endpointLines(answered.endpoints.endpoints, state.sortedBy, columns);
    case "decisions":
      return decisionLines(answered, state, columns);
    case "story":
      return { fixed: [], lines: folded(state.story, columns) };
    case "help":
      return { fixed: [], lines: help };
  }
}

/** The part of the body that is looked at; says how many lines there are below it. */
function windowOf(state: ScreenState, answered: Answered, { columns, rows }: ScreenSize): string[] {
  const { fixed, lines } = bodyOf(state, answered, columns);
  const room = rows - fixed.length;
  const farthest = Math.max(0, lines.length - room);
  const first = Math.min(farthest, state.view === "decisions" ? firstDecision(state, answered, room) : state.scroll);
  const shown = lines.slice(first, first + room);
  const below = lines.length - first - room;
  if (below > 0 && room > 1) shown.splice(-1, 1, `.. ${below + 1} more`);
  return [...fixed, ...shown];
}

/** Keeps the chosen decision in sight, above the line that says how many more there are. */
function firstDecision(state: ScreenState, { decisions }: Answered, room: number): number {
  return Math.max(0, indexOfChosen(state, decisions.decisions) - Math.max(0, room - 2));
}

function endpointLines(rows: readonly EndpointRow[], sortedBy: string, columns: number): Body {
  if (rows.length === 0) return { fixed: [], lines: ["The pool has no endpoint."] };
  const all = endpointColumns(commonNamespace(rows));
  const order = all.find(({ title }) => title === sortedBy);
  const { head, lines } = textTable(all, sorted(rows, order), columns);
  return { fixed: [head], lines };
}

function decisionLines(
  { endpoints, decisions: { decisions: rows } }: Answered,
  state: ScreenState,
  columns: number,
): Body {
  if (rows.length === 0) return { fixed: [], lines: ["No request was decided yet."] };
  const table = textTable(decisionColumns(commonNamespace(endpoints.endpoints)), rows, columns - 2);
  const chosen = indexOfChosen(state, rows);
  return {
    fixed: [`  ${table.head}`],
    lines: table.lines.map((line, i) => `${i === chosen ? ">" : " "} ${line}`),
  };
}

/** Titles of the columns that endpoints can be sorted by, in order. */
export function sortableTitles(): string[] {
  return endpointColumns(undefined).flatMap((column) => (column.order === undefined ? [] : [column.title]));
}

/** Names upwards, numbers downwards; what is unknown last; equals in the order of the pool. */
function sorted(rows: readonly EndpointRow[], by: EndpointColumn | undefined): readonly EndpointRow[] {
  const order = by?.order?.bind(by);
  if (order === undefined) return rows;
  return rows.toSorted((a, b) => {
    const [one, other] = [order(a), order(b)];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    return typeof one === "string" ? one.localeCompare(String(other)) : Number(other) - one;
  });
}

/** The namespace of all endpoints; undefined when they have several. */
function commonNamespace(rows: readonly EndpointRow[]): string | undefined {
  const names = new Set(rows.map(({ id }) => id.split("/", 1)[0] ?? ""));
  return names.size === 1 ? [...names][0] : undefined;
}

/** Lines that are wider than the terminal go on, indented, in the next one. */
function folded(text: string, columns: number): string[] {
  const indent = " ".repeat(6);
  return text.split("\n").flatMap((line) => {
    const pieces = [line.slice(0, columns)];
    for (let at = columns; at < line.length; at += columns - indent.length) {
      pieces.push(`${indent}${line.slice(at, at + columns - indent.length)}`);
    }
    return pieces;
  });
}
