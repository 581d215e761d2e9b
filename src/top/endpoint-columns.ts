import type { SignalRecord } from "../decisions/decision-record.ts";
import type { EndpointsPage } from "../decisions/endpoints-page.ts";
import { formatAge, formatNumber } from "../decisions/story-text.ts";
import type { Column } from "./text-table.ts";

/** An endpoint as a picker's page has it. */
export type EndpointRow = EndpointsPage["endpoints"][number];

/** A column that endpoints can be sorted by; null is unknown and sorts last. */
export interface EndpointColumn extends Column<EndpointRow> {
  order?(row: EndpointRow): number | string | null;
}

/** The columns of the table of endpoints, left to right; `namespace` is left out of the ids where all have the same. */
export function endpointColumns(namespace: string | undefined): readonly EndpointColumn[] {
  const name = ({ id }: EndpointRow): string => (namespace === undefined ? id : id.slice(namespace.length + 1));
  const { waiting, running, kvUse } = signalColumns;
  return [
    { title: "endpoint", align: "left", width: 16, grows: true, importance: 100, cell: name, order: name },
    waiting,
    running,
    kvUse,
    ...numberColumns,
    { title: "state", align: "left", width: 12, importance: 85, cell: stateText },
    { title: "adapters", align: "left", width: 16, grows: true, importance: 40, cell: adaptersText },
    { title: "address", align: "left", width: 15, grows: true, importance: 30, cell: ({ address }) => address },
  ];
}

/** What the marks behind numbers mean. */
export const markLegend = "+ moved by own requests   ~ blended: old or contradicted   # a total, no count";

const signalColumns: Readonly<Record<"waiting" | "running" | "kvUse", EndpointColumn>> = {
  waiting: {
    title: "waiting ",
    align: "right",
    width: 8,
    importance: 95,
    cell: ({ signals }) => marked(signals.waitingRequests, formatCount),
    order: ({ signals }) => signals.waitingRequests.value,
  },
  running: {
    title: "running ",
    align: "right",
    width: 8,
    importance: 94,
    cell: ({ signals }) => marked(signals.runningRequests, formatCount),
    order: ({ signals }) => signals.runningRequests.value,
  },
  kvUse: {
    title: "KV ",
    align: "right",
    width: 6,
    importance: 93,
    cell: ({ signals }) => marked(signals.kvCacheRatio, formatShare),
    order: ({ signals }) => signals.kvCacheRatio.value,
  },
};

const numberColumns: readonly EndpointColumn[] = [
  {
    title: "age",
    align: "right",
    width: 7,
    importance: 80,
    cell: (row) => formatAge(oldestMs(row)),
    order: oldestMs,
  },
  {
    title: "own",
    align: "right",
    width: 5,
    importance: 90,
    cell: ({ inFlightRequests }) => formatCount(inFlightRequests),
    order: ({ inFlightRequests }) => inFlightRequests,
  },
  {
    title: "drift",
    align: "right",
    width: 6,
    importance: 50,
    cell: ({ drift }) => (drift === null ? "-" : `${drift > 0 ? "+" : ""}${formatCount(drift)}`),
    order: ({ drift }) => drift,
  },
  {
    title: "share",
    align: "right",
    width: 5,
    importance: 88,
    cell: ({ shareLastMinute }) => (shareLastMinute === null ? "-" : formatShare(shareLastMinute)),
    order: ({ shareLastMinute }) => shareLastMinute,
  },
  {
    title: "hits",
    align: "right",
    width: 5,
    importance: 60,
    cell: ({ prefixHitShareLastMinute: hits }) => (hits === null ? "-" : formatShare(hits)),
    order: ({ prefixHitShareLastMinute }) => prefixHitShareLastMinute,
  },
];

/** A value with the mark of where it comes from, a blank where it is the page's own. */
function marked({ value, source }: SignalRecord, format: (value: number) => string): string {
  const marks: Partial<Record<SignalRecord["source"], string>> = { corrected: "+", blended: "~", total: "#" };
  return value === null ? "- " : `${format(value)}${marks[source] ?? " "}`;
}

/** A count in 7 columns at most: whole ones as they are, blended ones with one digit. */
function formatCount(value: number): string {
  return Math.abs(value) < 1e5 ? `${Math.round(value * 10) / 10}` : formatNumber(value);
}

/** A share of 1 in 5 columns. */
function formatShare(share: number): string {
  return share >= 0.9995 ? `${(share * 100).toFixed(0)}%` : `${(share * 100).toFixed(1)}%`;
}

/** Age of the oldest of the three signals that were ever seen. */
function oldestMs({ signals: { waitingRequests, runningRequests, kvCacheRatio } }: EndpointRow): number | null {
  const ages = [waitingRequests, runningRequests, kvCacheRatio].flatMap(({ ageMs }) => (ageMs === null ? [] : [ageMs]));
  return ages.length === 0 ? null : Math.max(...ages);
}

/** What is gravest of what is out of the ordinary, with a plus when there is more. */
function stateText(row: EndpointRow): string {
  const { waitingRequests, runningRequests, kvCacheRatio } = row.signals;
  const isStale = [waitingRequests, runningRequests, kvCacheRatio].some(({ source }) => source === "blended");
  const states = [
    ...(row.lastResort ? ["last resort"] : []),
    ...(oldestMs(row) === null ? ["not scraped"] : []),
    ...(isStale ? ["stale"] : []),
    ...(row.slowStart === null ? [] : [`new ${row.slowStart}`]),
  ];
  return `${states[0] ?? ""}${states.length > 1 ? "+" : ""}`;
}

/** Slots taken and there, then names: those in use, and those that wait in brackets. */
function adaptersText({ signals: { adapters } }: EndpointRow): string {
  if (adapters === null) return "-";
  const { running, waiting, maxAdapters } = adapters;
  const names = [...running, ...waiting.map((name) => `(${name})`)].join(" ");
  return `${running.length}/${maxAdapters ?? "?"} ${names}`.trimEnd();
}
