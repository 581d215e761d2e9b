import type { Clock } from "../lib/clock.ts";
import type { DescriptorOwner } from "../lib/descriptor-reserve.ts";
import type { Scraping } from "../scrape/loop.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./registry.ts";
import { SeldomLog } from "./seldom-log.ts";

/** What an owner of descriptors reports to. */
export interface DescriptorReports {
  readonly registry: MetricsRegistry;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Scraping gives way when file descriptors run out: hosts' connections come first. Counted, and logged once a minute. */
export function yieldDescriptors(
  scraping: Pick<Scraping, "pause" | "resume">,
  { registry, logger, clock }: DescriptorReports,
): DescriptorOwner {
  const { descriptorShortages, scrapingPaused } = registry.metrics;
  const seldom = new SeldomLog(clock);
  return {
    exhausted: () => {
      descriptorShortages.inc();
      scrapingPaused.set(1);
      const connections = scraping.pause();
      seldom.about("shortage", () =>
        logger.warn({ connections }, "No file descriptor left: scraping pauses and closes its connections"),
      );
      return connections;
    },
    relieved: () => {
      scrapingPaused.set(0);
      scraping.resume();
      seldom.about("relief", () => logger.info({}, "File descriptors are free again: scraping goes on"));
    },
  };
}
