import type { StreamObserver } from "../extproc/stream-watch.ts";
import type { MetricsRegistry } from "./registry.ts";

/** Adds the metrics of ext_proc streams to the page, and counts in them. Once a registry. */
export function countStreams(registry: MetricsRegistry): StreamObserver {
  const { streamsInflight, streamDuration, streamsTotal } = registry.addStreamMetrics();
  return {
    opened: () => streamsInflight.inc(),
    ended: (code, durationMs) => {
      streamsInflight.dec();
      streamDuration.observe(durationMs / 1000);
      streamsTotal.inc({ code });
    },
  };
}
