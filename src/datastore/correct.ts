import type { EndpointSignals } from "./endpoint.ts";
import type { Signal } from "./signal.ts";

/** What this picker did at one endpoint since a sample of it was asked for. */
export interface OwnSince {
  /** Requests dispatched since then whose streams are still open: the sample cannot have seen them. */
  readonly dispatchedOpen: number;
  /** Requests dispatched before then whose streams have ended since: the sample may still count them. */
  readonly endedEarlier: number;
}

/** The signals that are corrected, each against its own sample: a page may lack a family that an earlier page had. */
export type CorrectedFamily = "waitingRequests" | "runningRequests";

/** Per corrected signal what happened since its sample; undefined for a signal that was never sampled. */
export type OwnSinceSample = Readonly<Record<CorrectedFamily, OwnSince | undefined>>;

/**
 * The signals as decisions see them: what was scraped, moved by what this picker did since (DESIGN, decision 3).
 * - running = scraped - dispatched before and ended since, at least 0;
 * - waiting = scraped + dispatched since and still open, at least what is open beyond the running ones: an engine writes its
 *   gauges once a step, so for two steps after a dispatch a sample may lack a request that our own stream still holds open.
 * `openRequests` counts the streams of this picker that are open now, whenever dispatched. Unknown stays unknown, a total as it is. A signal without a correction is the scraped object itself, so that with fresh metrics and
 * nothing in flight every score equals the one of the scraped numbers.
 */
export function correctSignals(scraped: EndpointSignals, own: OwnSinceSample, openRequests: number): EndpointSignals {
  const isTotal = scraped.runningRequests.source === "total";
  const runningRequests = moved(scraped.runningRequests, isTotal ? 0 : -(own.runningRequests?.endedEarlier ?? 0));
  const running = isTotal ? undefined : runningRequests.value;
  const notRunning = openRequests - (running ?? Number.POSITIVE_INFINITY);
  const waiting = scraped.waitingRequests.value ?? 0;
  const dispatched = own.waitingRequests?.dispatchedOpen ?? 0;
  const waitingRequests = moved(scraped.waitingRequests, Math.max(dispatched, notRunning - waiting));
  const isUnchanged = waitingRequests === scraped.waitingRequests && runningRequests === scraped.runningRequests;
  return isUnchanged ? scraped : { ...scraped, waitingRequests, runningRequests };
}

function moved(signal: Signal, by: number): Signal {
  if (by === 0 || signal.value === undefined) return signal;
  const value = Math.max(0, signal.value + by);
  return value === signal.value ? signal : { value, sampledAtMs: signal.sampledAtMs, source: "corrected" };
}
