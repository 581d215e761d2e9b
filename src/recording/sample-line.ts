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
    this.#last.set(e, { adapters, cache });
    const same: string[] = [];
    const changed = (name: string, now: string, before: string | undefined): string => {
      if (now === "") return "";
      if (now !== before) return `,"${name}":${now}`;
      same.push(`"${name}"`);
      return "";
    };
    const rest = changed("adapters", adapters, last?.adapters) + changed("cache", cache, last?.cache);
    const repeated = same.length === 0 ? "" : `,"same":[${same.join(",")}]`;
    return `{"kind":"sample","e":${e},"atMs":${sample.sampledAtMs}${loadText(sample)}${rest}${repeated}}`;
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

function loadText(sample: Sample): string {
  const { waitingRequests, runningRequests, runningIsTotal, kvCacheRatio, absent = [] } = sample;
  return (
    numberText("waiting", waitingRequests) +
    numberText("running", runningRequests) +
    (runningIsTotal === true ? `,"runningIsTotal":true` : "") +
    numberText("kv", kvCacheRatio) +
    (absent.length === 0 ? "" : `,"absent":${JSON.stringify(absent)}`)
  );
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
