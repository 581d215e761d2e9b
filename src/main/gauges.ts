import type { Endpoint } from "../datastore/endpoint.ts";
import { ageMs, scrapedOf, type Signal } from "../datastore/signal.ts";
import type { EndpointStore } from "../datastore/store.ts";
import type { Clock } from "../lib/clock.ts";
import type { EndpointGauges } from "../telemetry/pool-metrics.ts";

/** What the pool's gauges show now, in the order of the pool. */
export function readGauges(store: EndpointStore, clock: Clock): readonly EndpointGauges[] {
  const nowMs = clock.nowMs();
  return store.snapshot(nowMs).map((endpoint) => {
    const { name, namespace, inFlightRequests, prefillTokens, lastResort } = endpoint;
    const { waitingRequests, runningRequests, kvCacheRatio } = endpoint.signals;
    return {
      name,
      namespace,
      waitingRequests: shown(waitingRequests),
      runningRequests: runningRequests.source === "total" ? undefined : shown(runningRequests),
      kvCacheRatio: shown(kvCacheRatio),
      inFlightRequests,
      prefillTokens,
      driftRequests: driftOf(endpoint),
      // Not every engine has every signal: the youngest tells when the last good page came.
      sampleAgeMs: Math.min(...[waitingRequests, runningRequests, kvCacheRatio].map((signal) => ageMs(signal, nowMs))),
      lastResort,
      isNewcomer: endpoint.slowStart !== undefined,
      learned: store.trackRecord(endpoint.id, endpoint.incarnation),
    };
  });
}

/** What gauges show: the value, unless no page ever showed the signal. */
function shown(signal: Signal): number | undefined {
  return scrapedOf(signal) === undefined ? undefined : signal.value;
}

function driftOf({ signals, inFlightRequests }: Endpoint): number | undefined {
  const [waiting, running] = [scrapedOf(signals.waitingRequests), scrapedOf(signals.runningRequests)];
  if (waiting === undefined || running === undefined || signals.runningRequests.source === "total") return undefined;
  return waiting + running - inFlightRequests;
}
