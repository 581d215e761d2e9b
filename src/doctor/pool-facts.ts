import type { PoolFacts } from "../config/cautions.ts";
import type { EndpointEntry } from "../discovery/endpoints-file.ts";
import { createEngines } from "../scrape/engines.ts";
import { wantedMetrics } from "./wanted-metrics.ts";

/**
 * What is known of a pool before anything runs. Without endpoints its engines are the default and those that the config
 * describes; with them, those that their labels name.
 */
export function poolFacts(endpoints: readonly Pick<EndpointEntry, "labels">[] | undefined): PoolFacts {
  return {
    endpointCount: endpoints?.length,
    enginesOf: (metrics) => {
      const engines = createEngines(metrics);
      const described = [engines.of({ labels: {} }), ...metrics.engines];
      const used = new Set(endpoints?.map((endpoint) => engines.of(endpoint)) ?? described);
      return Array.from(used, (one) => ({
        engine: one.engine,
        signals: [...new Set(wantedMetrics(one).map(({ signal }) => signal))],
      }));
    },
  };
}
