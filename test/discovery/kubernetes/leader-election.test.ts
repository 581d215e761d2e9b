import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { timingProblem } from "../../../src/discovery/kubernetes/election-timing.ts";
import { leaseName } from "../../../src/discovery/kubernetes/lease-object.ts";
import { claimedSpec, microTime, readLease } from "../../../src/discovery/kubernetes/lease-record.ts";
import { type Candidate, LeaseWorld } from "../../support/kube/lease-world.ts";
import { type KubeObject, type Resource, resources } from "../../support/kube/resources.ts";

const leases = resources.find(({ plural }) => plural === "leases") as Resource;
const lease = (world: LeaseWorld): Record<string, unknown> =>
  world.store.get(leases, "ns", "epp-ns-pool.llm-d.ai")?.["spec"] as Record<string, unknown>;
const editLease = (world: LeaseWorld, spec: Record<string, unknown>): KubeObject =>
  world.store.patch(leases, "ns", "epp-ns-pool.llm-d.ai", { spec });

/** Two candidates; the first leads. */
async function aPair(): Promise<{ world: LeaseWorld; first: Candidate; second: Candidate }> {
  const world = new LeaseWorld();
  const first = world.add("a");
  first.election.start();
  await world.advance(100);
  const second = world.add("b");
  second.election.start();
  await world.advance(3000);
  assert.deepEqual(world.leaders(), ["a"]);
  return { world, first, second };
}

/** Time until `name` leads, with never two leaders on the way. */
async function untilLeads(world: LeaseWorld, name: string): Promise<number> {
  for (let passedMs = 0; passedMs < 60_000; passedMs += 50) {
    if (world.leaders().includes(name)) return passedMs;
    await world.advance(50);
    assert.ok(world.leaders().length <= 1, `${world.leaders().join(" and ")} lead at once`);
  }
  throw new Error(`${name} does not lead within a minute`);
}

test("a lease is made, taken and renewed as client-go writes it", async () => {
  const world = new LeaseWorld();
  const { election, told } = world.add("host_1");
  election.start();
  await world.advance(100);
  assert.deepEqual(told, ["led"]);
  const [taken, acquired] = [lease(world), lease(world)["acquireTime"]];
  assert.deepEqual(taken, {
    holderIdentity: "host_1",
    leaseDurationSeconds: 15,
    acquireTime: "2023-11-14T22:13:20.050000Z",
    renewTime: "2023-11-14T22:13:20.050000Z",
    leaseTransitions: 0,
  });
  await world.advance(2100);
  assert.equal(lease(world)["acquireTime"], acquired);
  assert.equal(lease(world)["renewTime"], "2023-11-14T22:13:22.100000Z");
  assert.equal(leaseName("ns", "pool"), "epp-ns-pool.llm-d.ai");
  assert.equal(microTime(0), "1970-01-01T00:00:00.000000Z");
});

test("what others wrote into the lease stays: labels, fields nobody knows; the holder's changes are counted", async () => {
  const { world, first } = await aPair();
  editLease(world, { strategy: "OldestEmulationVersion", leaseTransitions: 6 });
  world.store.patch(leases, "ns", "epp-ns-pool.llm-d.ai", { metadata: { labels: { team: "x" } } });
  await world.advance(4000);
  await world.end(first);
  await untilLeads(world, "b");
  assert.equal(lease(world)["strategy"], "OldestEmulationVersion");
  assert.equal(lease(world)["leaseTransitions"], 7);
  const object = world.store.get(leases, "ns", "epp-ns-pool.llm-d.ai");
  assert.deepEqual(object?.metadata.labels, { team: "x" });
});

test("F45 a leader that is gone is followed within the lease duration and 2 s", async () => {
  for (let phaseMs = 0; phaseMs < 2000; phaseMs += 350) {
    const { world, first } = await aPair();
    await world.advance(phaseMs);
    first.clock.isPaused = true;
    const tookMs = await untilLeads(world, "b");
    assert.ok(tookMs <= 17_000, `${tookMs} ms, ${phaseMs} ms after the start`);
    assert.ok(tookMs > 12_000, "not before the lease was over");
  }
});

test("F45 a lease that is given up is taken at the next look, not after its duration", async () => {
  const { world, first, second } = await aPair();
  await world.end(first);
  assert.equal(lease(world)["holderIdentity"], "");
  assert.deepEqual(first.told, ["led", "lost:released"]);
  assert.ok((await untilLeads(world, "b")) <= 1100);
  assert.deepEqual(second.told, ["follows:a", "led"]);
});

test("F45b a leader paused beyond its lease does not lead when it goes on, and follows", async () => {
  const { world, first } = await aPair();
  first.clock.isPaused = true;
  await world.advance(20_000);
  assert.deepEqual(world.leaders(), ["b"]);
  first.clock.isPaused = false;
  // Not a timer of it has fired, not an answer has come: this is what a health check would hear first.
  assert.equal(first.election.leads, false);
  first.clock.resume();
  await world.advance(3000);
  assert.deepEqual(world.leaders(), ["b"]);
  assert.deepEqual(first.told, ["led", "lost:deadline", "follows:b"]);
});

test("F45b a leader paused beyond its renew deadline only leads again after it has renewed", async () => {
  const { world, first } = await aPair();
  first.clock.isPaused = true;
  await world.advance(12_000);
  first.clock.isPaused = false;
  assert.equal(first.election.leads, false);
  first.clock.resume();
  await world.advance(2100);
  assert.deepEqual(first.told, ["led", "lost:deadline", "led"]);
  assert.deepEqual(world.leaders(), ["a"]);
});

test("F35 the clocks of others mean nothing: a holder an hour behind keeps its lease, a holder a day ahead loses it", async () => {
  for (const wallMs of [-3_600_000, 86_400_000]) {
    const world = new LeaseWorld();
    const first = world.add("a", { wallMs: 1_700_000_000_000 + wallMs, offsetMs: 12_345 });
    const second = world.add("b", { offsetMs: -999 });
    first.election.start();
    await world.advance(100);
    second.election.start();
    await world.advance(60_000, () => assert.deepEqual(world.leaders(), ["a"]));
    first.network.isCut = true;
    const tookMs = await untilLeads(world, "b");
    assert.ok(tookMs <= 17_000, `${tookMs} ms`);
  }
});

test("a leader without an API server steps down at its renew deadline, before anybody can follow", async () => {
  const { world, first } = await aPair();
  first.network.isCut = true;
  await world.advance(10_100);
  assert.deepEqual(world.leaders(), []);
  assert.equal(first.told.at(-1), "lost:deadline");
  assert.ok(first.told.includes("failed:timeout"));
  first.network.isCut = false;
  await world.advance(10_000);
  assert.deepEqual(world.leaders(), ["b"]);
});

test("answers that are lost do not make a leader: it reads what became of its write", async () => {
  const world = new LeaseWorld();
  const { election, network, told } = world.add("a");
  network.losesReplies = true;
  election.start();
  await world.advance(20_000);
  assert.deepEqual(world.leaders(), []);
  network.losesReplies = false;
  await world.advance(10_000);
  assert.deepEqual(world.leaders(), ["a"]);
  assert.ok(told.includes("led"));
});

test("a lease that somebody deletes is made anew by its holder; who saw it held waits for its end", async () => {
  const { world, first, second } = await aPair();
  world.store.remove(leases, "ns", "epp-ns-pool.llm-d.ai");
  await world.advance(2500, () => assert.deepEqual(world.leaders(), ["a"]));
  assert.equal(lease(world)["holderIdentity"], "a");
  first.clock.isPaused = true;
  world.store.remove(leases, "ns", "epp-ns-pool.llm-d.ai");
  await world.advance(11_000);
  assert.deepEqual(second.told, ["follows:a"]);
  assert.ok((await untilLeads(world, "b")) <= 6000);
});

test("a lease that somebody gives to another is left at the next renewal", async () => {
  const { world, first } = await aPair();
  editLease(world, { holderIdentity: "stranger" });
  await world.advance(2100);
  assert.deepEqual(world.leaders(), []);
  assert.deepEqual(first.told, ["led", "failed:conflict", "lost:taken", "follows:stranger"]);
  await world.advance(15_500);
  assert.equal(world.leaders().length, 1);
});

test("refused by the API server, a candidate says so and goes on trying", async () => {
  const world = new LeaseWorld();
  const { election, network, told } = world.add("a");
  network.status = { GET: 403 };
  election.start();
  await world.advance(6000);
  assert.deepEqual([...new Set(told)], ["failed:forbidden"]);
  network.status = { POST: 403 };
  await world.advance(2100);
  assert.deepEqual([...new Set(told)], ["failed:forbidden"]);
  network.status = {};
  await world.advance(2100);
  assert.deepEqual(world.leaders(), ["a"]);
  network.status = { PUT: 500 };
  await world.advance(6100);
  assert.deepEqual([...new Set(told)], ["failed:forbidden", "led", "failed:server-error"]);
  assert.deepEqual(world.leaders(), ["a"]);
});

test("a candidate that ends gives up what it may hold: also a write whose answer never came", async () => {
  const world = new LeaseWorld();
  const candidate = world.add("a");
  candidate.election.start();
  await world.advance(20);
  candidate.network.losesReplies = true;
  await world.advance(100);
  assert.equal(lease(world)["holderIdentity"], "a");
  assert.deepEqual(candidate.told, []);
  candidate.network.losesReplies = false;
  await world.end(candidate);
  assert.equal(lease(world)["holderIdentity"], "");
});

test("a candidate that ends without an API server does not wait for it", async () => {
  const { world, first } = await aPair();
  first.network.isCut = true;
  let isClosed = false;
  void first.election.close().then(() => {
    isClosed = true;
  });
  assert.deepEqual(world.leaders(), []);
  await world.advance(5100);
  assert.ok(isClosed);
});

const schedule = fc.array(
  fc.record({
    who: fc.nat(2),
    what: fc.constantFrom("pause", "cut", "lose", "slow", "release", "heal", "wait"),
    ms: fc.integer({ min: 50, max: 20_000 }),
  }),
  { minLength: 1, maxLength: 12 },
);
/** Up to a tenth too fast or slow: the gap between renew deadline and lease is wide enough. */
const clocks = fc.array(
  fc.record({
    offsetMs: fc.integer({ min: -1e7, max: 1e7 }),
    speed: fc.double({ min: 0.9, max: 1.1, noNaN: true }),
    wallMs: fc.integer({ min: 0, max: 4e12 }),
  }),
  { minLength: 2, maxLength: 3 },
);

function disturb(candidate: Candidate, what: string): void {
  const { network, clock } = candidate;
  if (what === "pause") clock.isPaused = true;
  if (what === "cut") network.isCut = true;
  if (what === "lose") network.losesReplies = true;
  if (what === "slow") network.latencyMs = 1500;
  if (what === "heal") heal(candidate);
}

function heal({ network, clock }: Candidate): void {
  Object.assign(network, { isCut: false, losesReplies: false, latencyMs: 0 });
  if (clock.isPaused) clock.resume();
}

test("F35 F45 F45b never two leaders, whatever clocks, pauses and partitions; one leader once all is well", async () => {
  await fc.assert(
    fc.asyncProperty(clocks, schedule, async (traits, events) => {
      const world = new LeaseWorld();
      for (const [index, trait] of traits.entries()) world.add(`c${index}`, trait).election.start();
      const check = (): void => assert.ok(world.leaders().length <= 1, `${world.leaders().join(" and ")} lead at once`);
      const ended = new Set<Candidate>();
      for (const { who, what, ms } of events) {
        const candidate = world.candidates[who % traits.length] as Candidate;
        if (what === "release" && ended.size + 1 < traits.length && !candidate.clock.isPaused) {
          ended.add(candidate);
          void candidate.election.close();
        } else disturb(candidate, what);
        await world.advance(ms, check);
      }
      for (const candidate of world.candidates) heal(candidate);
      check();
      await world.advance(25_000, check);
      assert.equal(world.leaders().length, 1, "all is well, and nobody leads");
      for (const { election } of world.candidates) void election.close();
      await world.advance(200, check);
    }),
    { numRuns: 30 },
  );
});

test("a lease that says nonsense is read with defaults, and what is no Lease is not read", () => {
  const read = (spec: unknown): unknown => {
    const record = readLease({ metadata: { resourceVersion: "1" }, spec }, 15_000);
    return record && [record.holder, record.durationMs, record.transitions];
  };
  assert.deepEqual(read(undefined), ["", 15_000, 0]);
  assert.deepEqual(read({ holderIdentity: 7, leaseDurationSeconds: -1, leaseTransitions: "x" }), ["", 15_000, 0]);
  assert.deepEqual(read({ holderIdentity: "a", leaseDurationSeconds: 1e9, leaseTransitions: 1.5 }), ["a", 15_000, 0]);
  assert.deepEqual(read({ holderIdentity: "a", leaseDurationSeconds: 4, leaseTransitions: 2 }), ["a", 4000, 2]);
  assert.equal(readLease({}, 1), undefined);
  assert.equal(readLease("<html>", 1), undefined);
  const claim = { holder: "", durationMs: 15_000, wallMs: 0 };
  const held = readLease({ metadata: { resourceVersion: "1" }, spec: { leaseTransitions: 2 } }, 1);
  assert.equal(claimedSpec(claim, held)["leaseTransitions"], 2);
});

test("F65 times of an election that cannot hold are refused", () => {
  const cases: readonly [leaseMs: number, renewDeadlineMs: number, retryMs: number, problem: RegExp | undefined][] = [
    [15_000, 10_000, 2000, undefined],
    [1000, 600, 100, undefined],
    [1500, 1000, 100, /lease-duration 1500ms: expected whole seconds from 1s to 1h/],
    [0, 0, 0, /lease-duration 0ms/],
    [7_200_000, 10_000, 2000, /lease-duration 7200000ms/],
    [15_000, 15_000, 2000, /renew-deadline 15000ms: expected less than --leader-election-lease-duration/],
    [15_000, 10_000, 6000, /retry-period 6000ms: expected from 10ms to half of --leader-election-renew-deadline/],
    [15_000, 10_000, 0, /retry-period 0ms/],
  ];
  for (const [leaseMs, renewDeadlineMs, retryMs, problem] of cases) {
    const found = timingProblem({ leaseMs, renewDeadlineMs, retryMs });
    if (problem === undefined) assert.equal(found, undefined);
    else assert.match(found ?? "", problem);
  }
});
