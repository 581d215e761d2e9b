import type { ReplicaListener } from "../../../simulator/replica/virtual-replica.ts";

/** Writes down what a replica tells; gaps are summed, since they may come in bulk. */
export class Notes implements ReplicaListener {
  readonly events: string[] = [];
  gapCount = 0;
  gapSumMs = 0;

  firstToken(id: number, atMs: number, cachedTokens: number): void {
    this.events.push(`first ${id} at ${atMs}, ${cachedTokens} cached`);
  }

  finished(id: number, atMs: number): void {
    this.events.push(`finished ${id} at ${atMs}`);
  }

  gaps(gapMs: number, count: number): void {
    this.gapCount += count;
    this.gapSumMs += gapMs * count;
  }
}
