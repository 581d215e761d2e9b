import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../src/lib/random.ts";
import { leastInFlight, prepareLoad, type VirtualLoad } from "../support/virtual-load.ts";

const seeds = Array.from({ length: 10 }, (_, i) => i + 1);
const at70 = (load: VirtualLoad["load"], seed: number): VirtualLoad => ({ load, seed, seconds: 40, utilisation: 0.7 });

// A refusal would throw in the virtual picker.
for (const load of ["mixed", "uniform"] as const) {
  test(`one, then all exporters silent: no worse than least in flight, ${load} load`, () => {
    const ratios = seeds.map((seed) => {
      const { run, picker } = prepareLoad(at70(load, seed));
      const silent = picker({
        page: (server, page, nowMs) => (nowMs > 15_000 || (server === 0 && nowMs > 8_000) ? undefined : page),
      });
      return run(silent).ttftP99Ms / run(leastInFlight(createRandom(seed))).ttftP99Ms;
    });
    const mean = ratios.reduce((sum, ratio) => sum + ratio) / ratios.length;
    assert.ok(mean <= 1.05, `paired p99 ratios ${ratios.map((ratio) => ratio.toFixed(2)).join(" ")}`);
  });
}

test("a single silent exporter leaves its server about its share", () => {
  for (const seed of seeds.slice(0, 3)) {
    const { run, picker } = prepareLoad(at70("mixed", seed));
    const outcome = run(picker({ page: (server, page, nowMs) => (server === 0 && nowMs > 8_000 ? undefined : page) }));
    const share = outcome.shareOf(0, 10_000, 40_000);
    assert.ok(share > 0.6 && share < 1.4, `seed ${seed}: ${share}`);
  }
});

test("T23 a server that lies idle gets at most 1.5 fair shares over a minute", () => {
  for (const [i, seed] of seeds.slice(0, 6).entries()) {
    const load = i % 2 === 0 ? "mixed" : "uniform";
    const { run, picker } = prepareLoad({ ...at70(load, seed), seconds: 60 });
    const lying = picker({
      page: (server, page) => (server === 0 ? { ...page, waiting: 0, running: 0, kvCacheRatio: 0 } : page),
    });
    const share = run(lying).shareOf(0, 0, 60_000);
    assert.ok(share <= 1.5, `seed ${seed}: ${share}`);
  }
});

test("F17 a new empty server gets about its share within 30 s and is not flooded in its first second", () => {
  for (const [i, seed] of seeds.slice(0, 6).entries()) {
    const load = i % 2 === 0 ? "mixed" : "uniform";
    const { run, picker } = prepareLoad({ ...at70(load, seed), seconds: 50 });
    const outcome = run(picker({ joinsAtMs: (server) => (server === 0 ? 20_000 : 0) }));
    const within30s = outcome.shareOf(0, 20_000, 50_000);
    assert.ok(within30s >= 0.8 && within30s <= 1.2, `seed ${seed}: ${within30s} within 30 s`);
    const atFirst = outcome.shareOf(0, 20_000, 21_000);
    assert.ok(atFirst <= 2, `seed ${seed}: ${atFirst} in the first second`);
  }
});
