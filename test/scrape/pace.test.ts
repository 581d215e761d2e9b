import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pace } from "../../src/scrape/pace.ts";

const readMs = fc.double({ min: 0, max: 1, noNaN: true });

function paceAfter(wantedMs: number, reads: readonly number[]): Pace {
  const pace = new Pace(wantedMs);
  for (const ms of reads) pace.note(ms);
  return pace;
}

test("8 endpoints at 50 ms are not stretched while a page takes at most 1 ms to read", () => {
  fc.assert(
    fc.property(fc.array(readMs, { maxLength: 600 }), fc.integer({ min: 1, max: 8 }), (reads, endpoints) => {
      assert.equal(paceAfter(50, reads).intervalMs(endpoints), 50);
    }),
  );
});

test("scraping takes at most a quarter of a core, until the interval is 1 s", () => {
  fc.assert(
    fc.property(
      readMs,
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 50, max: 2000 }),
      (ms, endpoints, wanted) => {
        const intervalMs = paceAfter(
          wanted,
          Array.from({ length: 3000 }, () => ms),
        ).intervalMs(endpoints);
        const share = (endpoints * (0.4 + ms)) / intervalMs;
        assert.ok(intervalMs >= wanted);
        assert.ok(share <= 0.2501 || intervalMs >= 1000, `${share} of a core at ${intervalMs} ms`);
        if (intervalMs > wanted && intervalMs < 1000) assert.ok(share > 0.2499);
      },
    ),
  );
});

test("64 endpoints at 50 ms are stretched to about twice that with small pages", () => {
  assert.equal(Math.round(new Pace(50).intervalMs(64)), 102);
});

test("the interval moves smoothly: one reading, however long, moves it by 20 ms at most", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { maxLength: 300 }), (reads) => {
      const pace = new Pace(50);
      let before = pace.intervalMs(64);
      for (const ms of reads) {
        pace.note(ms);
        const after = pace.intervalMs(64);
        assert.ok(Math.abs(after - before) <= (64 * 20) / 0.25 / 256 + 1e-9);
        before = after;
      }
    }),
  );
});

test("a pool that shrinks is scraped at the wanted interval again", () => {
  const pace = paceAfter(
    50,
    Array.from({ length: 1000 }, () => 0.05),
  );
  assert.ok(pace.intervalMs(100) > 100);
  assert.equal(pace.intervalMs(10), 50);
});
