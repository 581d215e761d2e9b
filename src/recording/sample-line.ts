import type { AdapterState, CacheInfo } from "../datastore/endpoint.ts";
import type { Sample } from "../datastore/sample.ts";

/** Lines of samples, with what does not change from one to the next left out. */
export class SampleText {
  /** By endpoint: the adapters and the cache of its last sample, as JSON. */
  readonly #last = new Map<number, { readonly adapters: string; readonly cache: string }>();

  line(e: number, sample: Sample): string {
    const last = this.#last.get(e);
    const adapters = adaptersText(sample.adapters);
    const cache = cacheText(sample.cacheInfo);
    const same: string[] = [];
    let text = `{"kind":"sample","e":${e},"atMs":${sample.sampledAtMs}`;
    text += numberText("waiting", sample.waitingRequests) + numberText("running", sample.runningRequests);
    if (sample.runningIsTotal === true) text += `,"runningIsTotal":true`;
    text += numberText("kv", sample.kvCacheRatio);
    if (adapters !== "" && adapters === last?.adapters) same.push(`"adapters"`);
    else if (adapters !== "") text += `,"adapters":${adapters}`;
    if (cache !== "" && cache === last?.cache) same.push(`"cache"`);
    else if (cache !== "") text += `,"cache":${cache}`;
    if (sample.absent !== undefined && sample.absent.length > 0) text += `,"absent":${JSON.stringify(sample.absent)}`;
    if (same.length > 0) text += `,"same":[${same.join(",")}]`;
    this.#last.set(e, { adapters, cache });
    return `${text}}`;
  }

  /** The endpoint is gone. */
  drop(e: number): void {
    this.#last.delete(e);
  }

  /** The next line of every endpoint says everything. */
  forget(): void {
    this.#last.clear();
  }
}

function numberText(name: string, value: number | null | undefined): string {
  return value === undefined ? "" : `,"${name}":${value}`;
}

/** "" when the page has no such family. */
function adaptersText(state: AdapterState | null | undefined): string {
  if (state === undefined) return "";
  if (state === null) return "null";
  return JSON.stringify({ running: [...state.running], waiting: [...state.waiting], max: state.maxAdapters ?? null });
}

function cacheText(info: CacheInfo | null | undefined): string {
  if (info === undefined) return "";
  if (info === null) return "null";
  return `{"blockSizeTokens":${info.blockSizeTokens ?? null},"blocks":${info.blocks ?? null}}`;
}
