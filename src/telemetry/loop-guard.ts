import type { Clock } from "../lib/clock.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./registry.ts";

/** Time between two looks at the event loop. */
const lookMs = 100;
/** A look that comes this much late is a stall: decisions waited for it. */
const stallMs = 100;
/** One log line in this time, however many stalls there are. */
const logIntervalMs = 60_000;

/** Counts the moments in which the event loop stood still, and logs the first of a minute. Returns the function that ends it. */
export function guardLoop(registry: MetricsRegistry, clock: Clock, logger: Logger): () => void {
  let dueMs = clock.nowMs() + lookMs;
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let cancel = clock.after(lookMs, look);
  return () => cancel();

  function look(): void {
    const nowMs = clock.nowMs();
    const lateMs = nowMs - dueMs;
    if (lateMs > stallMs) {
      registry.metrics.loopStalls.inc();
      if (nowMs - loggedAtMs >= logIntervalMs) {
        loggedAtMs = nowMs;
        logger.warn({ stallMs: Math.round(lateMs) }, "Event loop stood still: decisions waited");
      }
    }
    dueMs = nowMs + lookMs;
    cancel = clock.after(lookMs, look);
  }
}
