import { printableText } from "../lib/printable-text.ts";
import type { Finding } from "./finding.ts";
import { type Observation, pagesOf } from "./observation.ts";

/** What only shows when the endpoints of a pool are held side by side. */
export function findInPool(pool: readonly Observation[]): Finding[] {
  if (pool.length === 0) {
    return [
      {
        severity: "error",
        code: "no-endpoints",
        endpoints: [],
        message: "the file lists no endpoints: every request is answered with 503",
        advice: "list the model servers under endpoints",
      },
    ];
  }
  return [...findSamePage(pool), ...findMixedEngines(pool), ...findMixedBlocks(pool), ...findMixedModels(pool)];
}

function findSamePage(pool: readonly Observation[]): Finding[] {
  return groups(pool, ({ metricsAddress }) => metricsAddress).flatMap(([address, same]) => {
    if (same.length < 2) return [];
    return {
      severity: "warning",
      code: "same-page",
      endpoints: same.map(({ id }) => id),
      message: `${same.length} endpoints share the page of ${address}: each shows the load of all`,
      advice: "list every server once; a port in metrics-data-source is for one server an address",
    };
  });
}

function findMixedEngines(pool: readonly Observation[]): Finding[] {
  const engines = groups(pool, ({ engine }) => engine.metrics.engine);
  if (engines.length < 2) return [];
  const message = `the pool has ${counted(engines)}: their counts are compared as they are`;
  return [{ severity: "note", code: "engines-mixed", endpoints: [], message }];
}

function findMixedBlocks(pool: readonly Observation[]): Finding[] {
  const known = pool.filter((observation) => blockSizeOf(observation) !== undefined);
  const sizes = groups(known, (observation) => `${blockSizeOf(observation)} tokens`);
  if (sizes.length < 2) return [];
  return [
    {
      severity: "warning",
      code: "block-sizes-mixed",
      endpoints: [],
      message: `KV blocks hold different numbers of tokens: ${counted(sizes)}`,
      advice: "start all servers of a pool with the same block size, or set blockSizeTokens of the prefix producer",
    },
  ];
}

function blockSizeOf(observation: Observation): number | undefined {
  return pagesOf(observation).at(-1)?.reading.signals.cacheInfo?.blockSizeTokens;
}

function findMixedModels(pool: readonly Observation[]): Finding[] {
  const known = pool.filter((observation) => modelsOf(observation) !== "");
  const models = groups(known, modelsOf);
  if (models.length < 2) return [];
  return [
    {
      severity: "warning",
      code: "models-mixed",
      endpoints: [],
      message: `the label model_name differs: ${counted(models)}`,
      advice: "let every endpoint of a pool serve the same base model: any of them may get any request",
    },
  ];
}

function modelsOf(observation: Observation): string {
  const families = pagesOf(observation).at(-1)?.facts.families ?? [];
  const waiting = families.find(({ wanted }) => wanted.signal === "waitingRequests")?.series ?? [];
  const names = new Set(waiting.flatMap(({ labels }) => labels["model_name"] ?? []));
  return printableText([...names].toSorted().join("+"), 60);
}

type Group = readonly [key: string, members: readonly Observation[]];

/** Members by key, in the order in which keys appear. */
function groups(pool: readonly Observation[], keyOf: (observation: Observation) => string): readonly Group[] {
  const byKey = new Map<string, Observation[]>();
  for (const observation of pool) {
    const key = keyOf(observation);
    const members = byKey.get(key);
    if (members === undefined) byKey.set(key, [observation]);
    else members.push(observation);
  }
  return [...byKey];
}

/** `16 tokens (a, b), 32 tokens (c and 4 more)`. */
function counted(found: readonly Group[]): string {
  return found
    .slice(0, 5)
    .map(([key, [first, ...rest]]) => `${key} (${first?.id}${rest.length === 0 ? "" : ` and ${rest.length} more`})`)
    .join(", ");
}
