import type { Endpoint } from "../datastore/endpoint.ts";

/** Requests that a newcomer may have waiting beyond the mean and still be given more. */
const waitingMargin = 1;

/**
 * Keeps newcomers to their shares: one that is behind gets the request, unless more waits there than at the others; those
 * that are ahead are passed over while others are left. Returns the same array when there is nothing to keep.
 */
export function keepShares(candidates: readonly Endpoint[]): readonly Endpoint[] {
  if (candidates.length < 2 || candidates.every(({ slowStart }) => slowStart === undefined)) return candidates;
  const mostWaiting = meanWaiting(candidates) + waitingMargin;
  const behind = candidates.filter(
    ({ slowStart, signals }) => slowStart === "behind" && (signals.waitingRequests.value ?? 0) <= mostWaiting,
  );
  if (behind.length > 0) return behind;
  const others = candidates.filter(({ slowStart }) => slowStart !== "ahead");
  return others.length > 0 ? others : candidates;
}

function meanWaiting(candidates: readonly Endpoint[]): number {
  let sum = 0;
  for (const { signals } of candidates) sum += signals.waitingRequests.value ?? 0;
  return sum / candidates.length;
}
