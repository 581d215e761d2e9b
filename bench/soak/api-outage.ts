import type { TestContext } from "node:test";
import { sleep, systemClock } from "../../src/lib/clock.ts";
import { aCluster, startClusterPicker } from "../../test/support/a-cluster.ts";
import { startFakeModelServer } from "../../test/support/fake-model-server.ts";
import { until } from "../../test/support/until.ts";

/** How long the API server is away, and how many requests a second are decided. */
export interface OutageSetup {
  readonly seconds: number;
  readonly perSecond: number;
}

/** What came of it. */
export interface OutageReport {
  readonly requests: number;
  /** Answers that were not the address of a pod that was there, by how often they came. */
  readonly wrong: ReadonlyMap<string, number>;
  /** From the return of the API server until a pod that was made meanwhile is picked. */
  readonly resyncMs: number;
}

/**
 * A picker that follows a pool of a fake API server over real HTTP, asked over ext_proc at a steady rate: the API server is killed,
 * forgets its history, and comes back with another pod.
 */
export async function apiOutage({ seconds, perSecond }: OutageSetup): Promise<OutageReport> {
  const endings: (() => unknown)[] = [];
  const context = { after: (ending: () => unknown) => void endings.push(ending) } as unknown as TestContext;
  try {
    const [old, made] = [await startFakeModelServer(context), await startFakeModelServer(context)];
    const cluster = await aCluster(context);
    cluster.setPool({ ports: [old.port] });
    cluster.setPod({ name: "old", ip: "127.0.0.1" });
    const picker = await startClusterPicker(context, cluster);
    await until("a pick", async () => (await picker.pick()).endsWith(`:${old.port}`), 20_000);
    const [expected, wrong] = [new Set([`127.0.0.1:${old.port}`]), new Map<string, number>()];
    let [requests, isOver] = [0, false];
    const asking = (async () => {
      while (!isOver) {
        const answer = await picker.pick();
        requests++;
        if (!expected.has(answer)) wrong.set(answer, (wrong.get(answer) ?? 0) + 1);
        await sleep(systemClock, 1000 / perSecond);
      }
    })();
    await sleep(systemClock, 2_000);
    await cluster.server.kill();
    await sleep(systemClock, seconds * 1000);
    expected.add(`127.0.0.1:${made.port}`);
    cluster.setPool({ ports: [old.port, made.port] });
    cluster.server.store.skipVersions(1);
    cluster.server.store.compact();
    await cluster.server.start();
    const backMs = systemClock.nowMs();
    await until("a resync", () => picker.picker.store.snapshot().length === 2, 60_000);
    const resyncMs = systemClock.nowMs() - backMs;
    await sleep(systemClock, 1_000);
    isOver = true;
    await asking;
    return { requests, wrong, resyncMs };
  } finally {
    for (const ending of endings.reverse()) await ending();
  }
}
