import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defaultElectionTiming } from "../../src/discovery/kubernetes/election-timing.ts";
import { Leadership } from "../../src/main/leadership.ts";
import type { Logger } from "../../src/telemetry/logger.ts";
import { type Candidate, LeaseWorld } from "../support/kube/lease-world.ts";
import { type Resource, resources } from "../support/kube/resources.ts";

const leases = resources.find(({ plural }) => plural === "leases") as Resource;
/** The field of a lease that is looked at here. */
interface LeaseSpec {
  readonly holderIdentity: string;
}

/** Half of the default drain. */
const limitMs = 15_000;
/** A retry period and 2 s: as long as a leader waits for somebody to take the lease. */
const takeoverMs = defaultElectionTiming.retryMs + 2000;
/** As long as hosts get to find the next leader. */
const noticeMs = 3000;
/** Steps of virtual time in which a moment is found. */
const stepMs = 50;

/** A picker's part in an election, and what it logged. */
function partOf({ election, clock }: Candidate): { readonly leadership: Leadership; readonly lines: string[] } {
  const lines: string[] = [];
  const log = (_data: object, message: string): void => void lines.push(message);
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  return { leadership: new Leadership(election, defaultElectionTiming, { clock, logger }), lines };
}

/** A leader, and a follower unless it is to be alone. */
async function aLeader(hasFollower = true) {
  const world = new LeaseWorld();
  const first = world.add("a");
  const { leadership, lines } = partOf(first);
  leadership.start();
  await world.advance(100);
  const second = hasFollower ? world.add("b") : undefined;
  second?.election.start();
  await world.advance(3000);
  assert.deepEqual(world.leaders(), ["a"]);
  return { world, first, second, leadership, lines };
}

/** How a handover went, in ms from its beginning. */
interface Handover {
  readonly tookMs: number;
  /** When another was the leader; undefined when none was. */
  readonly followedMs: number | undefined;
}

/** Hands over, and looks at every moment that it serves all the time, that none is without a server, and that one leads at most. */
async function handOver(
  world: LeaseWorld,
  leadership: Leadership,
  limit = limitMs,
  hurry?: AbortSignal,
): Promise<Handover> {
  let [isOver, passedMs, followedMs] = [false, 0, undefined as number | undefined];
  const handed = leadership.handOver(limit, hurry).then(() => {
    isOver = true;
  });
  assert.deepEqual(world.leaders(), [], "the lead is given up at once");
  for (; !isOver; passedMs += stepMs) {
    assert.ok(passedMs < 60_000, "a handover ends");
    await world.advance(stepMs);
    if (world.leaders().length > 0) followedMs ??= passedMs + stepMs;
    assert.equal(leadership.serves, !isOver && passedMs + stepMs < limit);
  }
  await handed;
  return { tookMs: passedMs, followedMs };
}

/** At most `wantMs`, and not much sooner. */
function assertTook(tookMs: number, wantMs: number): void {
  assert.ok(tookMs >= wantMs - stepMs && tookMs <= wantMs + 2 * stepMs, `${tookMs} ms, expected about ${wantMs}`);
}

const holder = (world: LeaseWorld): unknown => {
  const spec = world.store.get(leases, "ns", "epp-ns-pool.llm-d.ai")?.["spec"] as LeaseSpec | undefined;
  return spec?.holderIdentity;
};

test("F40 F45 a leader that stops serves until another holds the lease, and 3 s longer", async () => {
  const { world, leadership, lines } = await aLeader();
  const { tookMs, followedMs = Infinity } = await handOver(world, leadership);
  assert.ok(followedMs <= 1100, `followed after ${followedMs} ms`);
  assert.ok(tookMs - followedMs >= noticeMs - stepMs && tookMs - followedMs <= noticeMs + 400, `${tookMs} ms`);
  assert.deepEqual(lines, ["Lead handed over: another picker has the lease"]);
});

test("F45 alone, a leader that stops serves for a retry period and 2 s, and no longer", async () => {
  const { world, leadership, lines } = await aLeader(false);
  const { tookMs, followedMs } = await handOver(world, leadership);
  assertTook(tookMs, takeoverMs);
  assert.equal(followedMs, undefined);
  assert.equal(holder(world), "");
  assert.deepEqual(lines, ["Lead not handed over: no other picker took the lease"]);
});

for (const hasFollower of [true, false]) {
  test(`a handover takes no longer than the drain lets it, ${hasFollower ? "with" : "without"} a follower`, async () => {
    const { world, leadership } = await aLeader(hasFollower);
    assertTook((await handOver(world, leadership, 2000)).tookMs, 2000);
  });
}

test("F42 a second signal ends a handover at once, at any moment; the lease is given up all the same", async () => {
  for (const afterMs of [0, 50, 500, 2000]) {
    const { world, leadership } = await aLeader();
    const hurry = new AbortController();
    if (afterMs === 0) hurry.abort();
    let isOver = false;
    const handed = leadership.handOver(limitMs, hurry.signal).then(() => {
      isOver = true;
    });
    await world.advance(afterMs);
    assert.equal(leadership.serves, afterMs > 0);
    hurry.abort();
    await handed;
    assert.ok(isOver && !leadership.serves);
    await world.advance(1200);
    assert.deepEqual(world.leaders(), ["b"], "taken at the next look");
  }
});

test("F24 without an API server a handover ends when nobody can be expected any more, though the release is still waited for", async () => {
  const { world, first, leadership } = await aLeader();
  first.network.isCut = true;
  assertTook((await handOver(world, leadership)).tookMs, takeoverMs);
  let isClosed = false;
  void leadership.close().then(() => {
    isClosed = true;
  });
  await world.advance(5100 - takeoverMs);
  assert.ok(isClosed, "half of the renew deadline from the signal on");
});

test("a follower has nothing to hand over", async () => {
  const { world, second } = await aLeader();
  const { leadership } = partOf(second as Candidate);
  let isOver = false;
  void leadership.handOver(limitMs).then(() => {
    isOver = true;
  });
  assert.equal(leadership.serves, false);
  await world.advance(stepMs);
  assert.ok(isOver);
  assert.deepEqual(world.leaders(), ["a"]);
});

test("F45b a leader paused in its handover beyond the limit does not serve when it goes on", async () => {
  const { world, first, leadership } = await aLeader();
  const handed = leadership.handOver(limitMs);
  await world.advance(500);
  first.clock.isPaused = true;
  await world.advance(limitMs);
  first.clock.isPaused = false;
  assert.equal(leadership.serves, false);
  first.clock.resume();
  await world.advance(stepMs);
  await handed;
});

test("F40 F45 whenever a leader stops and however slow the API server is, there is somebody to ask all the time", async () => {
  const phases = fc.integer({ min: 0, max: 4000 });
  await fc.assert(
    fc.asyncProperty(phases, fc.integer({ min: 0, max: 250 }), async (phaseMs, latencyMs) => {
      const { world, leadership } = await aLeader();
      for (const { network } of world.candidates) network.latencyMs = latencyMs;
      await world.advance(phaseMs);
      const { tookMs, followedMs = Infinity } = await handOver(world, leadership);
      assert.ok(tookMs - followedMs >= noticeMs - stepMs, `followed after ${followedMs} ms, ended after ${tookMs} ms`);
      assert.ok(tookMs <= takeoverMs + noticeMs + 2 * stepMs, `${tookMs} ms`);
      assert.deepEqual(world.leaders(), ["b"]);
    }),
    { numRuns: 25 },
  );
});
