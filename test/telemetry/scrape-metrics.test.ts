import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import type { Logger } from "../../src/telemetry/logger.ts";
import { createRegistry } from "../../src/telemetry/registry.ts";
import { ScrapeMetrics } from "../../src/telemetry/scrape-metrics.ts";
import { spec } from "../support/scrape-rig.ts";

const [a, b] = [spec("a", 8000), spec("b", 8001)];
const scraped = { durationMs: 2, bytes: 100, missing: [], rejectedLines: 0 };

function setUp(): {
  metrics: ScrapeMetrics;
  clock: VirtualClock;
  lines: string[];
  page: () => Promise<string>;
} {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const registry = createRegistry();
  const keep = (data: object, message: string): void => void lines.push(`${message} ${JSON.stringify(data)}`);
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
  return { metrics: new ScrapeMetrics(registry, logger, clock), clock, lines, page: () => registry.page() };
}

test("F09 an endpoint that fails 20 times a second, each time otherwise, is logged once a minute", async () => {
  const { metrics, clock, lines, page } = setUp();
  const reasons = ["status", "timeout", "malformed"] as const;
  for (let i = 0; i < 20 * 180; i++) {
    metrics.failed(a, reasons[i % 3] ?? "other", "x");
    if (i % 2 === 0) metrics.scraped(a, { ...scraped, missing: ["kvCacheRatio"] });
    clock.advance(50);
  }
  assert.equal(lines.length, 3);
  assert.match(await page(), /epp_scrape_failures_total\{reason="timeout"\} 1200\n/);
});

test("F09 every endpoint has its own line, and one that came back its first again", () => {
  const { metrics, lines } = setUp();
  for (const endpoint of [a, b, a, b]) metrics.failed(endpoint, "status", "status 500");
  assert.deepEqual(
    lines.map((line) => line.slice(0, line.indexOf("{") - 1)),
    ["Cannot scrape metrics, the last values stay", "Cannot scrape metrics, the last values stay"],
  );
  metrics.forget(a);
  metrics.failed(a, "status", "status 500");
  assert.equal(lines.length, 3);
});

test("F03 lines that break the format are counted, F15 so are families that are missing", async () => {
  const { metrics, page } = setUp();
  metrics.scraped(a, { ...scraped, rejectedLines: 2, missing: ["waitingRequests"] });
  metrics.scraped(a, { ...scraped, rejectedLines: 1, missing: ["waitingRequests", "kvCacheRatio"] });
  const text = await page();
  assert.match(text, /^epp_scrape_rejected_lines_total 3$/m);
  assert.match(text, /^epp_scrape_missing_families_total\{signal="waitingRequests"\} 2$/m);
  assert.match(text, /^epp_scrape_missing_families_total\{signal="kvCacheRatio"\} 1$/m);
});

test("the interval is a gauge; that it is longer than wanted is logged once", async () => {
  const { metrics, lines, page } = setUp();
  metrics.paced(50, 50);
  assert.deepEqual(lines, []);
  metrics.paced(110, 50);
  metrics.paced(125, 50);
  assert.deepEqual(lines, [
    'Scraping less often than wanted: the pool would take more than a quarter of a core {"intervalMs":110,"wantedMs":50}',
  ]);
  assert.match(await page(), /^epp_scrape_interval_seconds 0\.125$/m);
});
