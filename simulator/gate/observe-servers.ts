import type { HeldValue } from "../statistics/held-value.ts";
import type { PoolObservation } from "./gate.ts";
import { curvesOf, type GaugeKey, type Slices } from "./pool-curves.ts";

/** The part of an observation that is of requests. */
export type Latencies = Pick<PoolObservation, "ttftMs" | "itlMs" | "tpotMs" | "e2eMs">;

/** What recorded servers showed within a window; `offsetMs`: their time at its 0. */
export function observeServers(
  servers: readonly Readonly<Record<GaugeKey, HeldValue>>[],
  latencies: Latencies,
  { window, offsetMs }: { readonly window: Slices; readonly offsetMs: number },
): PoolObservation {
  const whole = curvesOf(servers, { ...window, count: 1 }, offsetMs);
  return {
    running: whole.running[0] ?? Number.NaN,
    waiting: whole.waiting[0] ?? Number.NaN,
    kvCacheRatio: whole.kvCacheRatio[0] ?? Number.NaN,
    curves: curvesOf(servers, window, offsetMs),
    ...latencies,
  };
}
