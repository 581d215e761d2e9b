import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { none } from "../../../simulator/engine/request-table.ts";
import { simulate } from "../../../simulator/engine/simulate.ts";
import { outcomes } from "../../../simulator/engine/simulation-run.ts";
import { findPolicy, policyNames } from "../../../simulator/policies/registry.ts";
import { powerOfTwo } from "../../../simulator/policies/balancers.ts";
import type { Policy } from "../../../simulator/policies/policy.ts";
import { aRequestTable } from "../../support/a-request-table.ts";
import { arbitraryChangingRun, arbitraryRun, facts, smallReplica } from "./arbitrary-run.ts";

const completed = outcomes.indexOf("completed");
const runs = { numRuns: 80 };

test("every completed request got its tokens at one replica, in order, and counts are kept", () => {
  fc.assert(
    fc.property(arbitraryRun, (options) => {
      const run = simulate(options);
      const { count, outputTokens, promptTokens } = options.requests;
      const tokens = new Float64Array(options.pool.replicas.length);
      const given = new Float64Array(tokens.length);
      let gaps = 0;
      for (let row = 0; row < count; row++) {
        const replica = run.replica[row] as number;
        if (replica !== none) given[replica] = (given[replica] as number) + 1;
        if (run.outcome[row] !== completed) continue;
        tokens[replica] = (tokens[replica] as number) + (outputTokens[row] as number);
        gaps += (outputTokens[row] as number) - 1;
        const times = [run.arrivedMs[row], run.decidedMs[row], run.firstTokenMs[row], run.lastTokenMs[row]] as number[];
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
          `row ${row}`,
        );
        assert.ok(options.requests.arrivalMs[row] === run.arrivedMs[row]);
        assert.ok((run.cachedTokens[row] as number) < (promptTokens[row] as number));
      }
      for (const [i, totals] of run.replicas.entries()) {
        // Those that were cut off gave tokens too.
        assert.ok(totals.generationTokens >= (tokens[i] as number), `replica ${i}`);
        assert.ok(totals.requests >= (given[i] as number));
        assert.ok(totals.busyMs <= run.endMs + 1e-6);
        assert.ok(totals.prefixHitTokens <= totals.prefixQueryTokens);
      }
      assert.ok(run.itlMs.count >= gaps);
      const isFree = options.endMs === Infinity && options.timeoutMs === Infinity;
      if (!isFree) return;
      assert.deepEqual(
        run.replicas.map(({ generationTokens }) => generationTokens),
        [...tokens],
      );
      assert.equal(run.itlMs.count, gaps);
      assert.ok(!run.outcome.includes(outcomes.indexOf("unfinished")));
    }),
    runs,
  );
});

for (const [pool, anyRun] of [
  ["a pool", arbitraryRun],
  ["a pool that changes", arbitraryChangingRun],
] as const) {
  test(`the same seed gives the same run of ${pool} to the last bit`, () => {
    fc.assert(
      fc.property(anyRun, (options) => {
        const [first, second] = [simulate(options), simulate(options)];
        assert.deepEqual(facts(first), facts(second));
        assert.deepEqual(first.itlMs, second.itlMs);
      }),
      { numRuns: 30 },
    );
  });

  test(`samples of ${pool} taken when they are needed give what samples taken at their moment give`, () => {
    fc.assert(
      fc.property(anyRun, (options) => {
        const eager = simulate({ ...options, information: { ...options.information, eagerSamples: true } });
        assert.deepEqual(facts(simulate(options)), facts(eager));
      }),
      runs,
    );
  });

  test(`jumping over steps of ${pool} gives what taking each step gives`, () => {
    fc.assert(
      fc.property(anyRun, (options) => {
        const [macro, exact] = (["macro", "exact"] as const).map((mode) =>
          facts(simulate({ ...options, pool: { ...options.pool, mode } })),
        );
        assert.deepEqual(macro, exact);
      }),
      runs,
    );
  });
}

test("a policy's draws do not shift another request's chance: a refusal more changes nobody else's picks", () => {
  const requests = aRequestTable(Array.from({ length: 50 }, (_, i) => ({ arrivalMs: i * 10_000 })));
  const without: Policy = {
    ...powerOfTwo,
    start: (setup) => {
      const inner = powerOfTwo.start(setup);
      return {
        sampling: inner.sampling,
        pick: (request, nowMs) => (request.row % 2 === 0 ? -1 : inner.pick(request, nowMs)),
        ended: (...event) => inner.ended?.(...event),
      };
    },
  };
  const pool = { replicas: Array.from({ length: 4 }, () => smallReplica) };
  const whole = simulate({ requests, pool, policy: powerOfTwo, seed: 3 });
  const half = simulate({ requests, pool, policy: without, seed: 3 });
  for (let row = 1; row < 50; row += 2) assert.equal(half.replica[row], whole.replica[row]);
  assert.ok(new Set(whole.replica).size > 1);
});

test("a closed loop never has more requests under way than users, each after its predecessor's end", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 8 }),
      fc.constantFrom(0, 40, 3_000),
      fc.constantFrom(...policyNames),
      fc.constantFrom(Number.POSITIVE_INFINITY, 900),
      (users, turns, delayMs, name, timeoutMs) => {
        const rows = Array.from({ length: users * turns }, (_, i) => ({
          afterRow: i < users ? none : i - users,
          delayMs,
          outputTokens: 1 + ((i * 7) % 40),
        }));
        const requests = aRequestTable(rows);
        const policy = findPolicy(name) ?? powerOfTwo;
        const run = simulate({
          requests,
          pool: { replicas: [smallReplica, smallReplica] },
          policy,
          seed: 1,
          timeoutMs,
        });
        for (let row = users; row < rows.length; row++) {
          const before = row - users;
          const isCompleted = run.outcome[before] === completed;
          const endMs = isCompleted ? run.lastTokenMs[before] : (run.arrivedMs[before] as number) + timeoutMs;
          assert.equal(run.arrivedMs[row], (endMs as number) + delayMs);
        }
        const events = rows.flatMap((_, row) => {
          const endMs =
            run.outcome[row] === completed ? run.lastTokenMs[row] : (run.arrivedMs[row] as number) + timeoutMs;
          return [
            { atMs: run.arrivedMs[row] as number, by: 1 },
            { atMs: endMs as number, by: -1 },
          ];
        });
        let open = 0;
        for (const { by } of events.toSorted((a, b) => a.atMs - b.atMs || a.by - b.by)) {
          open += by;
          assert.ok(open <= users, `${open} of ${users}`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("no policy can tell runs apart by the lengths of answers before they end; with oracle lengths it can", () => {
  const seen: (number | undefined)[] = [];
  const spy: Policy = {
    ...powerOfTwo,
    start: () => ({
      sampling: "none",
      pick: (request) => {
        seen.push(request.maxOutputTokens);
        const told = new Set<unknown>();
        for (let of: object = request; of !== Object.prototype; of = Object.getPrototypeOf(of) as object) {
          for (const key of Reflect.ownKeys(of)) {
            const value: unknown = Reflect.get(request, key);
            told.add(typeof value === "function" ? undefined : value);
          }
        }
        assert.equal(told.has(777), request.maxOutputTokens === 777);
        return 0;
      },
    }),
  };
  const requests = aRequestTable([{ outputTokens: 777, maxOutputTokens: 900 }, { outputTokens: 777 }]);
  const options = { requests, pool: { replicas: [smallReplica] }, policy: spy, seed: 1 };
  assert.equal(simulate(options).hasOracleLengths, false);
  assert.equal(simulate({ ...options, information: { oracleLengths: true } }).hasOracleLengths, true);
  assert.deepEqual(seen, [900, undefined, 777, 777]);
});
