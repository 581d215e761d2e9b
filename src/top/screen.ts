import type { DecisionsPage } from "../decisions/decisions-page.ts";
import type { EndpointsPage } from "../decisions/endpoints-page.ts";
import { formatSpan } from "../decisions/find-decisions.ts";
import { printableText } from "../lib/printable-text.ts";
import { decisionColumns } from "./decision-columns.ts";
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
  /** Index of the decision that is chosen. */
  readonly chosen: number;
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
  "up, down, enter   choose a decision and read its story",
  "esc    back",
  "q      quit",
  "",
  "waiting, running, KV   as decisions see them",
  "age     of the oldest sample of the three",
  "own     requests of this picker under way",
  "drift   waiting + running as scraped, less own",
  "share   of the requests of the last minute",
  "hits    share of prompt blocks found cached, of those requests",
  "state   a + behind it: there is more",
  "",
  markLegend,
];

/** The screen as lines, none longer than the terminal is wide and no more than it has rows. */
export function renderScreen(state: ScreenState, size: ScreenSize): string[] {
  const head = [summary(state), ...(state.problem === undefined ? [] : [`! ${state.problem}`])];
  const foot = footOf(state);
  const room = Math.max(1, size.rows - head.length - 3);
  const body = state.answered === undefined ? [] : bodyOf(state, state.answered, { ...size, rows: room });
  const lines = [...head, "", ...body, "", foot];
  return lines.slice(0, size.rows).map((line) => line.slice(0, size.columns).trimEnd());
}

function summary({ address, answered }: ScreenState): string {
  const name = `epp top  ${printableText(address, 60)}`;
  if (answered === undefined) return `${name}  waiting for an answer`;
  const { endpoints, configRevision } = answered.endpoints;
  const { spanSeconds } = answered.decisions.kept;
  const picks = endpoints.reduce((sum, { picksLastMinute }) => sum + picksLastMinute, 0);
  const count = endpoints.length === 1 ? "1 endpoint" : `${endpoints.length} endpoints`;
  return `${name}  ${count}  ${(picks / 60).toFixed(1)} req/s  ring ${formatSpan(spanSeconds)}  config ${configRevision}`;
}

function footOf({ view, sortedBy }: ScreenState): string {
  if (view === "help" || view === "story") return "esc back  q quit";
  if (view === "decisions") return "up/down choose  enter why  d endpoints  ? help  q quit";
  return `d decisions  s sort${sortedBy === "" ? "" : ` (${sortedBy.trim()})`}  ? help  q quit   + moved  ~ blended  # total`;
}

function bodyOf(state: ScreenState, answered: Answered, size: ScreenSize): string[] {
  switch (state.view) {
    case "endpoints":
      return endpointLines(answered.endpoints.endpoints, state.sortedBy, size);
    case "decisions":
      return decisionLines(answered, state.chosen, size);
    case "story":
      return cut(folded(state.story, size.columns), size.rows);
    case "help":
      return cut(help, size.rows);
  }
}

function endpointLines(rows: readonly EndpointRow[], sortedBy: string, { columns, rows: room }: ScreenSize): string[] {
  if (rows.length === 0) return ["The pool has no endpoint."];
  const all = endpointColumns(commonNamespace(rows));
  const table = textTable(
    all,
    sorted(
      rows,
      all.find(({ title }) => title === sortedBy),
    ),
    columns,
  );
  return [table.head, ...cut(table.lines, room - 1)];
}

function decisionLines(answered: Answered, chosen: number, { columns, rows: room }: ScreenSize): string[] {
  const { decisions: rows } = answered.decisions;
  if (rows.length === 0) return ["No request was decided yet."];
  const namespace = commonNamespace(answered.endpoints.endpoints);
  const table = textTable(decisionColumns(namespace), rows, columns - 2);
  const shown = room - 1;
  const first = Math.max(0, Math.min(chosen - shown + 1, rows.length - shown));
  const lines = table.lines.map((line, i) => `${i === chosen ? ">" : " "} ${line}`);
  return [`  ${table.head}`, ...lines.slice(first, first + shown)];
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

function cut(lines: readonly string[], room: number): string[] {
  if (lines.length <= room) return [...lines];
  return [...lines.slice(0, Math.max(0, room - 1)), `.. ${lines.length - Math.max(0, room - 1)} more`];
}
