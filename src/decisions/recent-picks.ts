import type { EndpointId } from "../datastore/endpoint.ts";

const bucketMs = 1000;
const bucketCount = 60;

/** What was sent to one endpoint in the last minute. */
export interface RecentPick {
  readonly picks: number;
  /** Blocks of the prompts that were looked up, and those that the endpoint was taken to hold. */
  readonly totalBlocks: number;
  readonly matchedBlocks: number;
}

interface Bucket {
  /** Which second the bucket is about. */
  second: number;
  readonly picks: Map<EndpointId, { picks: number; totalBlocks: number; matchedBlocks: number }>;
}

/** Counts picks by endpoint over the last minute, in steps of a second. */
export class RecentPicks {
  readonly #buckets: Bucket[] = Array.from({ length: bucketCount }, () => ({ second: -1, picks: new Map() }));

  /** Counts one pick; blocks are 0 where no producer looked at the prompt. */
  add(id: EndpointId, nowMs: number, totalBlocks: number, matchedBlocks: number): void {
    const second = Math.floor(nowMs / bucketMs);
    const bucket = this.#buckets[second % bucketCount] as Bucket;
    if (bucket.second !== second) {
      bucket.second = second;
      bucket.picks.clear();
    }
    const counted = bucket.picks.get(id) ?? { picks: 0, totalBlocks: 0, matchedBlocks: 0 };
    counted.picks++;
    counted.totalBlocks += totalBlocks;
    counted.matchedBlocks += matchedBlocks;
    bucket.picks.set(id, counted);
  }

  /** The sums of the last 60 s, the running second included; endpoints without a pick are not there. */
  sums(nowMs: number): ReadonlyMap<EndpointId, RecentPick> {
    const since = Math.floor(nowMs / bucketMs) - bucketCount;
    const sums = new Map<EndpointId, { picks: number; totalBlocks: number; matchedBlocks: number }>();
    for (const { second, picks } of this.#buckets) {
      if (second <= since) continue;
      for (const [id, counted] of picks) {
        const sum = sums.get(id) ?? { picks: 0, totalBlocks: 0, matchedBlocks: 0 };
        sum.picks += counted.picks;
        sum.totalBlocks += counted.totalBlocks;
        sum.matchedBlocks += counted.matchedBlocks;
        sums.set(id, sum);
      }
    }
    return sums;
  }
}
