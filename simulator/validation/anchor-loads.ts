import { generateLoad, type LoadSpec } from "../generators/load-spec.ts";
import type { AnchorLoad } from "./anchor.ts";

/** A stretch of an open loop. */
export interface Stage {
  readonly requests: number;
  readonly ratePerSecond: number;
}

/** Long enough for what is under way in the warming stage to end, ms. */
const pauseMs = 60_000;

/**
 * The load of `spec` at Poisson times in two stages: `warm` fills the caches, and after a pause in which servers become idle comes
 * `counted`, alone in the figures. `scale` shortens both.
 */
export function twoStages(
  spec: LoadSpec,
  stages: { warm: Stage; counted: Stage },
  seed: number,
  scale: number,
): AnchorLoad {
  const warm = Math.max(1, Math.round(stages.warm.requests * scale));
  const counted = Math.max(1, Math.round(stages.counted.requests * scale));
  const requests = generateLoad(spec, seed, { requests: warm + counted });
  const [from, until] = [requests.arrivalMs, new Float64Array(requests.count)];
  const rate = spec.kind === "sessions" ? Number.NaN : spec.ratePerSecond;
  let atMs = 0;
  for (let row = 0; row < requests.count; row++) {
    const gapMs = (from[row] as number) - (from[row - 1] ?? 0);
    const stage = row < warm ? stages.warm : stages.counted;
    if (row === warm) atMs += pauseMs;
    atMs += (gapMs * rate) / stage.ratePerSecond;
    until[row] = atMs;
  }
  return { requests: { ...requests, arrivalMs: until }, cutMs: until[warm] as number };
}

/** The load of `spec` as it is, from an empty pool; the first tenth does not count. */
export function oneStage(spec: LoadSpec, seed: number, scale: number): AnchorLoad {
  const requests = generateLoad(spec, seed, { requests: Math.max(10, Math.round(spec.requests * scale)) });
  return { requests, cutMs: requests.arrivalMs[Math.floor(requests.count / 10)] as number };
}
