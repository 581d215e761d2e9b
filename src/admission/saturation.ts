import type { Endpoint } from "../datastore/endpoint.ts";
import type { Detector } from "../scheduling/roles.ts";

/** Shares above this say nothing more; keeps sums finite. */
const greatestShare = 1e9;

/** How a detector sees an endpoint. */
export interface Measure {
  /** What is known of the endpoint counts this much: 1 wholly, 0 nothing is known. */
  confidence(endpoint: Endpoint): number;
  /** The part of its limit that it has in use times the confidence in that: 0 idle, 1 full, more: beyond. */
  fullness(endpoint: Endpoint): number;
}

/** Whether a value is a number that a server can mean by a count: finite, 0 or more. */
export function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0;
}

/** Whether a value is a share, 0..1. */
export function isRatio(value: number | undefined): value is number {
  return isCount(value) && value <= 1;
}

/** The part of `limit`, greater than 0, that `value`, 0 or more, takes. */
export function shareOf(value: number, limit: number): number {
  return Math.min(greatestShare, value / limit);
}

/**
 * Mean fullness by confidence, times the greatest confidence: an endpoint of which nothing is known counts for nothing, and
 * what is known of all of them counts the less the older it is, down to 0: silence is not saturation. The plain mean when
 * everything is fresh. Finite and at least 0.
 */
export function meanFullness(endpoints: readonly Endpoint[], measure: Measure): number {
  let [sum, confidences, greatest] = [0, 0, 0];
  for (const endpoint of endpoints) {
    const confidence = measure.confidence(endpoint);
    if (confidence === 0) continue;
    sum += measure.fullness(endpoint);
    confidences += confidence;
    greatest = Math.max(greatest, confidence);
  }
  return confidences === 0 ? 0 : (sum / confidences) * greatest;
}

/** What the saturation gauge shows of a pool (protocol 8): a pool without endpoints has no room, so it is full. */
export function poolSaturation(endpoints: readonly Endpoint[], detector: Detector): number {
  return endpoints.length === 0 ? 1 : detector.saturation(endpoints);
}
