import {
  type CounterName,
  counterNames,
  type GaugeName,
  gaugeNames,
  type HistogramName,
  histogramNames,
  type MetricRole,
} from "./metric-names.ts";
import type { EndpointSeries, HistogramSeries } from "./recorded-metrics.ts";
import { type RawEndpoint, type RawSeries, seriesOfRole } from "./series-collector.ts";

/** Puts what was gathered of an endpoint onto its instants. */
export function alignEndpoint(raw: RawEndpoint): EndpointSeries {
  const timesMs = instantsOf(raw);
  const aligner = new Aligner(raw, timesMs);
  const gauges = mapNames(gaugeNames, (name) => aligner.gauge(name));
  const counters = mapNames(counterNames, (name) => aligner.counter(name));
  const histograms = mapNames(histogramNames, (name) => aligner.histogram(name));
  const changing = [...Object.values(gauges), ...Object.values(counters)];
  return {
    endpoint: raw.endpoint,
    timesMs,
    gauges,
    counters,
    histograms,
    adapters: [...timesMs].map((atMs) => raw.adapters.get(atMs)?.names),
    blockSizeTokens: raw.blockSizeTokens,
    kvBlocks: raw.kvBlocks.size === 0 ? undefined : [...raw.kvBlocks.values()].reduce((sum, blocks) => sum + blocks, 0),
    resets: aligner.resets,
    repeatedRatio: repeatedRatio(gauges.running, changing),
  };
}

function mapNames<Name extends string, Value>(
  names: readonly Name[],
  make: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, Value>;
}

function instantsOf(raw: RawEndpoint): Float64Array {
  const instants = new Set<number>(raw.adapters.keys());
  for (const { timesMs } of raw.series) for (const atMs of timesMs) instants.add(atMs);
  return Float64Array.from(instants).sort();
}

class Aligner {
  resets = 0;
  readonly #raw: RawEndpoint;
  readonly #instants: number;
  readonly #placeOf: ReadonlyMap<number, number>;

  constructor(raw: RawEndpoint, timesMs: Float64Array) {
    this.#raw = raw;
    this.#instants = timesMs.length;
    this.#placeOf = new Map([...timesMs].map((atMs, place) => [atMs, place]));
  }

  /** Sum over ranks; of shares their mean. */
  gauge(name: GaugeName): Float64Array {
    let series = this.#series((role) => role.kind === "gauge" && role.name === name);
    if (series.length === 0 && name === "waiting") series = this.#series((role) => role.kind === "waiting-part");
    const sum = this.#sum(series.map((one) => this.#place(one)));
    return name === "kvCacheRatio" && series.length > 1 ? sum.map((value) => value / series.length) : sum;
  }

  counter(name: CounterName): Float64Array {
    return this.#total(this.#series((role) => role.kind === "counter" && role.name === name));
  }

  histogram(name: HistogramName): HistogramSeries {
    const part = (kind: MetricRole["kind"]): RawSeries[] =>
      this.#series((role) => role.kind === kind && "name" in role && role.name === name);
    const buckets = part("bucket");
    const boundOf = ({ labels: { le = "" } }: RawSeries): number =>
      le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
    const bounds = [...new Set(buckets.map(boundOf))].filter((bound) => !Number.isNaN(bound)).sort((a, b) => a - b);
    return {
      bounds,
      buckets: bounds.map((bound) => this.#total(buckets.filter((one) => boundOf(one) === bound))),
      sum: this.#total(part("sum")),
      count: this.#total(part("count")),
    };
  }

  #series(is: (role: MetricRole) => boolean): RawSeries[] {
    return seriesOfRole(this.#raw, is);
  }

  #total(series: readonly RawSeries[]): Float64Array {
    return this.#sum(series.map((one) => this.#withoutResets(this.#place(one))));
  }

  /** The series by instant; of two samples at one instant the later counts. */
  #place({ timesMs, values }: RawSeries): Float64Array {
    const placed = new Float64Array(this.#instants).fill(Number.NaN);
    for (const [i, atMs] of timesMs.entries()) placed[this.#placeOf.get(atMs) as number] = values[i] as number;
    return placed;
  }

  /** Growth since the first known value: a total that falls began again from 0. */
  #withoutResets(values: Float64Array): Float64Array {
    let [last, grown] = [Number.NaN, 0];
    return values.map((value) => {
      if (Number.isNaN(value)) return value;
      const isReset = value < last;
      if (isReset) this.resets++;
      if (!Number.isNaN(last)) grown += isReset ? value : value - last;
      last = value;
      return grown;
    });
  }

  /** Sum of series; one that has not begun counts 0, one that is missing later makes the sum unknown. */
  #sum(all: readonly Float64Array[]): Float64Array {
    const begins = all.map((values) => values.findIndex((value) => !Number.isNaN(value)));
    const first = Math.min(...begins.map((begin) => (begin === -1 ? Number.POSITIVE_INFINITY : begin)));
    return new Float64Array(this.#instants).map((_, at) => {
      if (!(at >= first)) return Number.NaN;
      return all.reduce((sum, values, i) => sum + (at < (begins[i] as number) ? 0 : (values[at] as number)), 0);
    });
  }
}

function repeatedRatio(running: Float64Array, changing: readonly Float64Array[]): number {
  let [repeated, all] = [0, 0];
  for (let at = 1; at < running.length; at++) {
    if (!((running[at] as number) > 0 && (running[at - 1] as number) > 0)) continue;
    all++;
    if (changing.every((values) => Object.is(values[at], values[at - 1]))) repeated++;
  }
  return all === 0 ? 0 : repeated / all;
}
