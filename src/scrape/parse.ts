import type { AdapterState, CacheInfo } from "../datastore/endpoint.ts";
import type { LoadSignal, Sample } from "../datastore/sample.ts";
import { createLineFilter, type PageLimit, type WantedFamily, type WantedLines } from "./metric-lines.ts";
import { asCount, asRatio, asTotal, parseWhole } from "./metric-value.ts";
import type { ModelServerMetrics } from "./model-servers.ts";
import { parseSampleLine, type Series } from "./series.ts";
import { matchesSpec, type MetricSpec, parseMetricSpec } from "../lib/metric-spec.ts";

/** A signal that a page gives. */
export type SignalName = Exclude<keyof Sample, "sampledAtMs" | "runningIsTotal" | "absent">;

/** What a page says. */
export interface PageReading {
  readonly kind: "page";
  /** The readings, to be completed with the time of the request. */
  readonly signals: Omit<Sample, "sampledAtMs">;
  /** Signals whose family the page should have and does not; adapters are never among them, a server without any shows none. */
  readonly missing: readonly SignalName[];
  /** Lines of wanted families that break the format; the others apply. */
  readonly rejectedLines: number;
  /** Size of the page. */
  readonly bytes: number;
}

/** A page that is no page of metrics, or too long to be read. Nothing of it applies. */
export type PageRefusal =
  | { readonly kind: "malformed"; readonly detail: string }
  | { readonly kind: "too-large"; readonly detail: string };

/** Reads the pages of one endpoint. Never throws, whatever the page holds, and keeps no part of it. */
export type PageParser = (page: Buffer) => PageReading | PageRefusal;

interface CompiledMetrics {
  readonly counts: readonly { readonly signal: "waitingRequests" | "runningRequests"; readonly spec: MetricSpec }[];
  readonly kvCacheRatio: MetricSpec | undefined;
  readonly adapters: MetricSpec | undefined;
  readonly cacheInfo:
    | { readonly spec: MetricSpec; readonly blockSizeLabel: string; readonly blocksLabel: string }
    | undefined;
  readonly cacheBlockSize: MetricSpec | undefined;
  readonly cacheBlocks: MetricSpec | undefined;
  readonly runningIsTotal: boolean;
  /** Load signals that the engine has no metric for. */
  readonly lacking: readonly LoadSignal[];
}

/** A family of one page; undefined when no line of it could be read. `null`: its type has no single value. */
type FamilyReader = (spec: MetricSpec) => readonly Series[] | null | undefined;

const loadSignals: readonly LoadSignal[] = ["waitingRequests", "runningRequests", "kvCacheRatio"];

/** Most tokens a cache block can hold, and most blocks: numbers of a pod never size our memory (reliability T22). */
const maxBlockSizeTokens = 65_536;
const maxBlocks = 100_000_000;
const maxAdapterSlots = 100_000;

/**
 * Types whose samples have no one value. The reference reads them as 0 (protocol 5.2); unknown is never zero, so here
 * they are unusable. A family without a TYPE line is read like a gauge.
 */
const unusableTypes: ReadonlySet<string> = new Set(["untyped", "unknown", "histogram", "summary"]);

/**
 * Returns a parser for the metrics of one kind of model server. Series that differ in their `engine` label are ranks
 * of one server: counts are summed, KV use is their mean, weighted by the blocks of each rank where all are known.
 * Among series of one rank the newest timestamp counts, the first of equals. Throws when a spec of `metrics` is
 * malformed. Lines that equal those of the page before are not parsed again.
 */
export function createPageParser(metrics: ModelServerMetrics): PageParser {
  const { compiled, filter } = readerOf(metrics);
  let known: ReadonlyMap<string, Series | undefined> = new Map();
  return (page) => {
    const lines = filter(page);
    if (lines.exceeded !== undefined) return refuseLong(lines.exceeded, lines.lineCount);
    if (lines.byFamily.size === 0 && lines.types.size === 0 && !looksLikeMetrics(page)) {
      return { kind: "malformed", detail: `${page.length} bytes without a line of metrics` };
    }
    const parsed = new Map<string, Series | undefined>();
    let rejectedLines = lines.rejectedLines;
    let isNew = false;
    const seriesOf = (line: string): Series | undefined => {
      if (parsed.has(line)) return parsed.get(line);
      const isKnown = known.has(line);
      const series = isKnown ? known.get(line) : parseSampleLine(line);
      isNew ||= !isKnown;
      parsed.set(line, series);
      if (series === undefined) rejectedLines++;
      return series;
    };
    const read = readSignals(compiled, createFamilyReader(lines, seriesOf));
    // What stays from page to page grows old, and is dear to collect: an equal page leaves the lines that are there.
    if (isNew || parsed.size !== known.size) known = parsed;
    const absent = absentOf(compiled, read, rejectedLines);
    const signals = absent.length === 0 ? read : { ...read, absent };
    return { kind: "page", signals, missing: missingOf(compiled, signals), rejectedLines, bytes: page.length };
  };
}

interface PageReader {
  readonly compiled: CompiledMetrics;
  readonly filter: ReturnType<typeof createLineFilter>;
}

/** Kept by what it was made of: the endpoints of a pool share it, since one for each takes half the memory of an endpoint. */
const readers = new WeakMap<ModelServerMetrics, PageReader>();

function readerOf(metrics: ModelServerMetrics): PageReader {
  const kept = readers.get(metrics);
  if (kept !== undefined) return kept;
  const compiled = compile(metrics);
  const reader = { compiled, filter: createLineFilter(wantedFamilies(compiled)) };
  readers.set(metrics, reader);
  return reader;
}

function compile(metrics: ModelServerMetrics): CompiledMetrics {
  const spec = (text: string | undefined): MetricSpec | undefined =>
    text === undefined ? text : parseMetricSpec(text);
  const counts = (["waitingRequests", "runningRequests"] as const).flatMap((signal) => {
    const read = spec(metrics[signal]);
    return read === undefined ? [] : [{ signal, spec: read }];
  });
  const cacheInfo = metrics.cacheInfo && { ...metrics.cacheInfo, spec: parseMetricSpec(metrics.cacheInfo.spec) };
  return {
    counts,
    kvCacheRatio: spec(metrics.kvCacheRatio),
    adapters: spec(metrics.adapters),
    cacheInfo,
    cacheBlockSize: spec(metrics.cacheBlockSize),
    cacheBlocks: spec(metrics.cacheBlocks),
    runningIsTotal: metrics.runningIsTotal === true,
    lacking: loadSignals.filter((name) => metrics[name] === undefined),
  };
}

function wantedFamilies(metrics: CompiledMetrics): readonly WantedFamily[] {
  const { counts, kvCacheRatio, adapters, cacheInfo, cacheBlockSize, cacheBlocks } = metrics;
  const wanted = new Map<string, WantedFamily>();
  for (const spec of [
    ...counts.map((count) => count.spec),
    kvCacheRatio,
    cacheInfo?.spec,
    cacheBlockSize,
    cacheBlocks,
  ]) {
    if (spec !== undefined) wanted.set(spec.name, { name: spec.name, newestOnly: false });
  }
  if (adapters !== undefined && !wanted.has(adapters.name)) {
    wanted.set(adapters.name, { name: adapters.name, newestOnly: adapters.labels.size === 0 });
  }
  return [...wanted.values()];
}

function createFamilyReader(lines: WantedLines, seriesOf: (line: string) => Series | undefined): FamilyReader {
  return (spec) => {
    const ofFamily = lines.byFamily.get(spec.name);
    if (unusableTypes.has(lines.types.get(spec.name) ?? "gauge")) return null;
    if (ofFamily === undefined) return undefined;
    const series = ofFamily.flatMap((line) => seriesOf(line) ?? []).filter(({ labels }) => matchesSpec(spec, labels));
    return series.length === 0 ? undefined : series;
  };
}

function readSignals(compiled: CompiledMetrics, family: FamilyReader): Omit<Sample, "sampledAtMs"> {
  const { kvCacheRatio, adapters, runningIsTotal } = compiled;
  const signals: { -readonly [name in Exclude<keyof Sample, "sampledAtMs">]?: Sample[name] } = {};
  for (const { signal, spec } of compiled.counts) {
    const isTotal = runningIsTotal && signal === "runningRequests";
    signals[signal] = readCount(family(spec), isTotal ? asTotal : asCount);
    if (isTotal) signals.runningIsTotal = true;
  }
  const cache = hasCacheInfo(compiled) ? readCache(compiled, family) : undefined;
  if (kvCacheRatio !== undefined) {
    signals.kvCacheRatio = readRatio(family(kvCacheRatio), cache?.blocksOfRank ?? noBlocks);
  }
  if (adapters !== undefined) signals.adapters = readAdapters(family(adapters));
  if (cache !== undefined) signals.cacheInfo = cache.info;
  return signals;
}

function hasCacheInfo({ cacheInfo, cacheBlockSize, cacheBlocks }: CompiledMetrics): boolean {
  return cacheInfo !== undefined || cacheBlockSize !== undefined || cacheBlocks !== undefined;
}

function missingOf(compiled: CompiledMetrics, signals: Omit<Sample, "sampledAtMs">): readonly SignalName[] {
  const expected: SignalName[] = compiled.counts.map(({ signal }) => signal);
  if (compiled.kvCacheRatio !== undefined) expected.push("kvCacheRatio");
  if (hasCacheInfo(compiled)) expected.push("cacheInfo");
  return expected.filter((signal) => signals[signal] === undefined);
}

/**
 * What the server does not have (see `Sample.absent`). Metrics with labels are on a page only once they were set, so a page
 * without any of them may be that of a server that has done nothing yet.
 */
function absentOf(
  { lacking }: CompiledMetrics,
  signals: Omit<Sample, "sampledAtMs">,
  rejectedLines: number,
): readonly LoadSignal[] {
  const { adapters, cacheInfo } = signals;
  const isBare = rejectedLines === 0 && adapters === undefined && cacheInfo === undefined;
  return isBare && loadSignals.every((name) => signals[name] === undefined) ? loadSignals : lacking;
}

/** The rank of a series: its `engine` label, "" without one. */
export const rankOf = ({ labels }: Series): string => labels["engine"] ?? "";

/** The value of each rank, as `read` takes it; undefined for a rank whose series are all unusable. */
export function valueOfRanks(
  series: readonly Series[],
  read: (value: number) => number | undefined,
): Map<string, number | undefined> {
  const chosen = new Map<string, { timestampMs: number; value: number | undefined }>();
  for (const one of series) {
    const rank = rankOf(one);
    const before = chosen.get(rank);
    const value = one.value === undefined ? undefined : read(one.value);
    const isBetter =
      before === undefined ||
      (value !== undefined && (before.value === undefined || one.timestampMs > before.timestampMs));
    if (isBetter) chosen.set(rank, { timestampMs: one.timestampMs, value });
  }
  return new Map(Array.from(chosen, ([rank, { value }]) => [rank, value]));
}

function readCount(
  series: readonly Series[] | null | undefined,
  read: (value: number) => number | undefined,
): number | null | undefined {
  if (!series) return series;
  let sum = 0;
  for (const value of valueOfRanks(series, read).values()) {
    if (value === undefined) return null;
    sum += value;
  }
  return sum;
}

function readRatio(
  series: readonly Series[] | null | undefined,
  blocksOfRank: ReadonlyMap<string, number>,
): number | null | undefined {
  if (!series) return series;
  const ranks = valueOfRanks(series, asRatio);
  const isWeighted = [...ranks.keys()].every((rank) => blocksOfRank.has(rank));
  let [sum, weights] = [0, 0];
  for (const [rank, value] of ranks) {
    if (value === undefined) return null;
    if (ranks.size === 1) return value;
    const weight = isWeighted ? (blocksOfRank.get(rank) ?? 0) : 1;
    sum += value * weight;
    weights += weight;
  }
  return sum / weights;
}

const noBlocks: ReadonlyMap<string, number> = new Map();

/** What a page says of the KV cache: of both parts together, and the blocks of each rank. */
interface CacheReading {
  readonly info: CacheInfo | null | undefined;
  readonly blocksOfRank: ReadonlyMap<string, number>;
}

/** Reads the labels of one family and the values of others; a value counts before a label. */
function readCache({ cacheInfo, cacheBlockSize, cacheBlocks }: CompiledMetrics, family: FamilyReader): CacheReading {
  const labelled = cacheInfo && family(cacheInfo.spec);
  const size = cacheBlockSize && family(cacheBlockSize);
  const count = cacheBlocks && family(cacheBlocks);
  const found = [labelled, size, count].filter((series) => series !== undefined);
  if (found.length === 0) return { info: undefined, blocksOfRank: noBlocks };
  if (found.every((series) => series === null)) return { info: null, blocksOfRank: noBlocks };
  const sizes = size
    ? wholeOfRanks(size, maxBlockSizeTokens)
    : labelOfRanks(labelled, cacheInfo?.blockSizeLabel, maxBlockSizeTokens);
  const blocksOfRank = count
    ? wholeOfRanks(count, maxBlocks)
    : labelOfRanks(labelled, cacheInfo?.blocksLabel, maxBlocks);
  const [blockSizeTokens] = sizes.values();
  let blocks: number | undefined;
  for (const ofRank of blocksOfRank.values()) blocks = (blocks ?? 0) + ofRank;
  return { info: { blockSizeTokens, blocks }, blocksOfRank };
}

function wholeOfRanks(series: readonly Series[], max: number): ReadonlyMap<string, number> {
  const read = (value: number): number | undefined => {
    const whole = Math.trunc(value);
    return whole >= 1 && whole <= max ? whole : undefined;
  };
  const known = new Map<string, number>();
  for (const [rank, value] of valueOfRanks(series, read)) if (value !== undefined) known.set(rank, value);
  return known;
}

function labelOfRanks(
  series: readonly Series[] | null | undefined,
  label: string | undefined,
  max: number,
): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  for (const one of series ?? []) {
    const value = label === undefined ? undefined : parseWhole(one.labels[label], 1, max);
    if (value !== undefined && !known.has(rankOf(one))) known.set(rankOf(one), value);
  }
  return known;
}

function readAdapters(series: readonly Series[] | null | undefined): AdapterState | null | undefined {
  if (!series) return series;
  let newest: Series | undefined;
  for (const one of series) {
    if (one.value !== undefined && (newest?.value === undefined || one.value > newest.value)) newest = one;
  }
  if (newest === undefined) return null;
  const { labels } = newest;
  return {
    running: readNames(labels["running_lora_adapters"]),
    waiting: readNames(labels["waiting_lora_adapters"]),
    maxAdapters: parseWhole(labels["max_lora"], 0, maxAdapterSlots),
  };
}

function readNames(list = ""): ReadonlySet<string> {
  return new Set(list.split(",").flatMap((name) => name.trim() || []));
}

function looksLikeMetrics(page: Buffer): boolean {
  return /^\s*(?:#|[a-zA-Z_:][\w:]*(?:[ \t]*\{|[ \t]+[-+\d.NI]))/m.test(page.toString("latin1", 0, 4096));
}

function refuseLong(limit: PageLimit, lineCount: number): PageRefusal {
  const what = limit === "lines" ? "lines" : "lines of wanted metrics";
  return { kind: "too-large", detail: `too many ${what} after ${lineCount} lines` };
}
