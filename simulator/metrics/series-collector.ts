import { parseWholeLabel } from "./label-number.ts";
import { isOlderName, type MetricRole, roleOf } from "./metric-names.ts";

/** Labels of a series. */
export type Labels = Readonly<Record<string, string>>;

/** One series as it was recorded: points in the order they came. */
export interface RawSeries {
  readonly name: string;
  readonly role: MetricRole;
  readonly labels: Labels;
  readonly timesMs: number[];
  readonly values: number[];
}

/** Series of one endpoint. */
export interface RawEndpoint {
  readonly endpoint: string;
  readonly series: RawSeries[];
  /** Adapters named at each instant, by the series with the largest value. */
  readonly adapters: Map<number, { readonly usedAt: number; readonly names: readonly string[] }>;
  blockSizeTokens: number | undefined;
  /** By rank. */
  readonly kvBlocks: Map<string, number>;
}

/** Labels that name the endpoint, the first that is there counts. */
const endpointLabels = ["pod", "pod_name", "kubernetes_pod_name", "instance"] as const;

/** Labels that do not tell series of one server apart. */
const placeLabels: ReadonlySet<string> = new Set([
  ...endpointLabels,
  "__name__",
  "job",
  "namespace",
  "container",
  "node",
]);

/** Gathers samples of any number of endpoints. */
export class SeriesCollector {
  readonly endpoints = new Map<string, RawEndpoint>();
  readonly #seriesOf = new Map<string, RawSeries>();

  /** Whether a series of this name is used at all. */
  wants(name: string): boolean {
    return roleOf(name) !== undefined;
  }

  /**
   * Takes a sample. `endpoint` counts before the labels that name one. Values that are no number (NaN is how a series ends) are
   * left out; they are unknown, not zero.
   */
  add(
    sample: { readonly name: string; readonly labels: Labels; readonly timeMs: number; readonly value: number },
    endpoint?: string,
  ): void {
    const { name, labels, timeMs, value } = sample;
    const role = roleOf(name);
    if (role === undefined || !Number.isFinite(value) || !Number.isFinite(timeMs)) return;
    const owner = this.#endpoint(endpoint ?? endpointOf(labels));
    if (role.kind === "cache-info") readCacheInfo(owner, labels);
    else if (role.kind === "adapters") readAdapters(owner, sample);
    else this.#append(owner, role, sample);
  }

  #endpoint(endpoint: string): RawEndpoint {
    const known = this.endpoints.get(endpoint);
    if (known !== undefined) return known;
    const fresh = { endpoint, series: [], adapters: new Map(), blockSizeTokens: undefined, kvBlocks: new Map() };
    this.endpoints.set(endpoint, fresh);
    return fresh;
  }

  #append(
    owner: RawEndpoint,
    role: MetricRole,
    {
      name,
      labels,
      timeMs,
      value,
    }: { readonly name: string; readonly labels: Labels; readonly timeMs: number; readonly value: number },
  ): void {
    const key = `${owner.endpoint}\n${name}\n${keyOf(labels)}`;
    let series = this.#seriesOf.get(key);
    if (series === undefined) {
      series = { name, role, labels, timesMs: [], values: [] };
      this.#seriesOf.set(key, series);
      owner.series.push(series);
    }
    series.timesMs.push(timeMs);
    series.values.push(value);
  }
}

/** The series of one role, those of an older name only where the newer one is missing. */
export function seriesOfRole(endpoint: RawEndpoint, is: (role: MetricRole) => boolean): RawSeries[] {
  const all = endpoint.series.filter(({ role }) => is(role));
  const newer = all.filter(({ name }) => !isOlderName(name));
  return newer.length > 0 ? newer : all;
}

function endpointOf(labels: Labels): string {
  for (const label of endpointLabels) {
    const value = labels[label];
    if (value !== undefined && value !== "") return value;
  }
  return "";
}

function keyOf(labels: Labels): string {
  const names = Object.keys(labels).filter((name) => !placeLabels.has(name));
  return names
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join("\n");
}

function readCacheInfo(owner: RawEndpoint, labels: Labels): void {
  const size = parseWholeLabel(labels["block_size"] ?? labels["page_size"]);
  const blocks = parseWholeLabel(labels["num_gpu_blocks"] ?? labels["num_pages"]);
  if (size !== undefined) owner.blockSizeTokens = size;
  if (blocks !== undefined) owner.kvBlocks.set(labels["engine"] ?? "", blocks);
}

/** The page keeps all label sets there ever were; their value is the time of their last use. */
function readAdapters(
  owner: RawEndpoint,
  { labels, timeMs, value }: { readonly labels: Labels; readonly timeMs: number; readonly value: number },
): void {
  const known = owner.adapters.get(timeMs);
  if (known !== undefined && known.usedAt >= value) return;
  const lists = [labels["running_lora_adapters"] ?? "", labels["waiting_lora_adapters"] ?? ""];
  const names = lists.flatMap((list) => list.split(",").flatMap((name) => name.trim() || []));
  owner.adapters.set(timeMs, { usedAt: value, names: [...new Set(names)].sort() });
}
