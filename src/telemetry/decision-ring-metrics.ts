import type { MetricsRegistry } from "./registry.ts";

/** What the gauges of the ring show. */
export interface DecisionRingGauges {
  readonly records: number;
  readonly bytes: number;
  readonly spanSeconds: number;
}

/** Exports how much the ring of decisions keeps, read whenever metrics are collected. */
export function exportDecisionRing(registry: MetricsRegistry, read: () => DecisionRingGauges): void {
  const { decisionRingRecords, decisionRingBytes, decisionRingSpan } = registry.metrics;
  registry.onCollect(() => {
    const { records, bytes, spanSeconds } = read();
    decisionRingRecords.set(records);
    decisionRingBytes.set(bytes);
    decisionRingSpan.set(spanSeconds);
  });
}
