import type { EngineMatch } from "../scrape/engines.ts";
import type { ScrapeFailure } from "../scrape/failure.ts";
import type { PageReading } from "../scrape/parse.ts";
import type { Series } from "../scrape/series.ts";
import type { WantedMetric } from "./wanted-metrics.ts";

/** A series with the text of its value, which says why a value cannot be used. */
export interface ObservedSeries extends Series {
  readonly valueText: string;
}

/** What a page has of one wanted metric. */
export interface FamilyFacts {
  readonly wanted: WantedMetric;
  /** Of the TYPE line, in lower case; undefined without one. */
  readonly type: string | undefined;
  /** Sample lines with the metric's name, whatever their labels. */
  readonly lines: number;
  /** Those that the spec means, in page order; of LoRA adapters the newest alone. */
  readonly series: readonly ObservedSeries[];
}

/** What one read says of one rank; NaN where it says nothing that can be used. */
export interface RankLoad {
  /** Value of the `engine` label, "" without one. */
  readonly rank: string;
  readonly waitingRequests: number;
  readonly runningRequests: number;
  readonly kvCacheRatio: number;
}

/** What one whole page is made of. */
export interface PageFacts {
  readonly lines: number;
  /** Sample lines by metric name. */
  readonly names: ReadonlyMap<string, number>;
  readonly families: readonly FamilyFacts[];
  readonly ranks: readonly RankLoad[];
  /** Newest timestamp of the wanted series, milliseconds since 1970; -Infinity when none has one. */
  readonly newestTimestampMs: number;
  /** Equal for equal pages. */
  readonly digest: string;
}

/** A page that was read as the picker reads it, and what it is made of. */
export interface ReadPage {
  readonly kind: "page";
  readonly reading: PageReading;
  readonly facts: PageFacts;
}

/** Why a read gave nothing; `unresolved`: the host name has no address. */
export interface FailedRead {
  readonly kind: "failed";
  readonly reason: ScrapeFailure | "unresolved";
  readonly detail: string;
  /** HTTP status, for the reason `status`. */
  readonly status?: number;
}

/** One read of one endpoint. */
export interface Read {
  /** When it began, milliseconds since 1970. */
  readonly startedWallMs: number;
  /** From asking to the whole page, or to the failure. */
  readonly durationMs: number;
  readonly result: ReadPage | FailedRead;
}

/** Everything that was seen of one endpoint. */
export interface Observation {
  /** `namespace/name`. */
  readonly id: string;
  /** Where requests go: host as the endpoints file gives it, with the port. */
  readonly servingAddress: string;
  /** `ip:port` where its page is; the host instead of the address when it could not be resolved. */
  readonly metricsAddress: string;
  readonly engine: EngineMatch;
  /** In order, at least one. */
  readonly reads: readonly Read[];
}

/** Reads that gave a page. */
export function pagesOf({ reads }: Observation): readonly ReadPage[] {
  return reads.flatMap(({ result }) => (result.kind === "page" ? [result] : []));
}

/** The last read that failed, if any did. */
export function lastFailure({ reads }: Observation): FailedRead | undefined {
  const last = reads.findLast(({ result }) => result.kind === "failed")?.result;
  return last?.kind === "failed" ? last : undefined;
}
