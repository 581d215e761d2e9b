import type { Random } from "../../src/lib/random.ts";
import type { RequestTableBuilder } from "./request-table-builder.ts";

/** Requests an instant, on the mean, from which times are taken to be rounded. */
const leastPerInstant = 2;

/**
 * Spreads requests whose times were rounded evenly over what rounding hid: a file with ten requests at every third second would
 * fire them at once and show herding that was not there. Times are rounded when at least two requests share an instant
 * on the mean; each is moved to any time before the next instant, by no more than the usual distance of instants.
 * Followers of other requests stay. Returns that distance in ms; undefined when times were left as they are.
 */
export function spreadQuantisedTimes(requests: RequestTableBuilder, random: Random): number | undefined {
  const { arrivalsMs } = requests;
  const instants = [...new Set(arrivalsMs)].sort((a, b) => a - b);
  if (instants.length < 2 || arrivalsMs.length < leastPerInstant * instants.length) return undefined;
  const gaps = instants.slice(1).map((atMs, i) => atMs - (instants[i] as number));
  const quantumMs = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] as number;
  const room = new Map(instants.map((atMs, i) => [atMs, Math.min(gaps[i] ?? quantumMs, quantumMs)]));
  for (const [request, atMs] of arrivalsMs.entries()) {
    if (!requests.isFollower(request)) arrivalsMs[request] = atMs + random() * (room.get(atMs) ?? 0);
  }
  return quantumMs;
}
