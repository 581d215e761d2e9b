import { busyIntervals } from "../metrics/busy-intervals.ts";
import { type CoefficientFit, fitStretches, neededMetrics } from "../metrics/fit-coefficients.ts";
import type { EndpointSeries } from "../metrics/recorded-metrics.ts";
import { recordedCache, recordedStretches } from "../recording/recorded-stretches.ts";
import { presetConfig, presetFloors } from "../replica/presets.ts";
import type { FittedReplica } from "./fitted-replica.ts";
import type { OpenedRecord } from "./open-record.ts";

/** Above this the columns are so alike that single coefficients are what chance makes of them. */
const mostCondition = 30;
const mostHeldOutError = 0.1;

/**
 * Fits the coefficients of a server to a record; floors of the hardware, the limits of the batch and, where the record does not say it, the
 * size of the KV cache are those of `preset`. Throws an error of one line that names the record when it does not identify them:
 * fewer than 12 stretches, a condition number above 30, or an error above 10 % on what was held out.
 */
export function fitRecord(record: OpenedRecord, source: string, preset: string): FittedReplica {
  const fit = fitOf(record, source, preset);
  checkFit(fit, source);
  const { coefficients, ...quality } = fit;
  return {
    kind: "epp-coefficients",
    schemaVersion: 1,
    preset,
    // The record does not tell attention apart: what it takes is in the part for a prompt token.
    coefficients: { ...coefficients, attentionNs: 0 },
    ...usualCache(cachesOf(record)),
    fit: { source, ...quality, atFloor: [...quality.atFloor] },
  };
}

function fitOf(record: OpenedRecord, source: string, preset: string): CoefficientFit {
  const floors = presetFloors(preset);
  const { kvTokens, maxBatchedTokens } = presetConfig(preset);
  try {
    if (record.kind === "recording") {
      return fitStretches(recordedStretches(record.run, kvTokens), floors, "samples beside streamed answers");
    }
    const stretches = record.metrics.endpoints.flatMap((series) => {
      const isTold = cacheOf(series).length > 0;
      return busyIntervals(series, { maxBatchedTokens, ...(!isTold && { kvTokens }) });
    });
    return fitStretches(stretches, floors, neededMetrics);
  } catch (error) {
    throw new Error(`${(error as Error).message}; found in "${source}"`, { cause: error });
  }
}

function checkFit({ conditionNumber, heldOutError, coefficients }: CoefficientFit, source: string): void {
  const refuse = (found: string, expected: string): never => {
    throw new Error(
      `Cannot fit coefficients to "${source}": found ${found}, expected ${expected} (a step of ${coefficients.baseMs.toPrecision(3)} ms would be a guess; use --preset or --coefficients)`,
    );
  };
  if (!(conditionNumber <= mostCondition)) {
    refuse(
      `a condition number of ${conditionNumber.toPrecision(3)}, so requests, context and prompts changed together or not at all`,
      `at most ${mostCondition}`,
    );
  }
  if (!(heldOutError <= mostHeldOutError)) {
    const found = Number.isNaN(heldOutError) ? "nothing to hold out" : `${(100 * heldOutError).toPrecision(3)} %`;
    refuse(`an error of ${found} on the last fifth of the time`, `at most ${100 * mostHeldOutError} %`);
  }
}

interface Cache {
  readonly kvTokens: number;
  readonly blockSizeTokens: number;
}

function cachesOf(record: OpenedRecord): Cache[] {
  if (record.kind === "metrics") return record.metrics.endpoints.flatMap(cacheOf);
  return [...record.run.samples.values()].flatMap((ofOne) => recordedCache(ofOne) ?? []);
}

/** One or none, as a page says. */
function cacheOf({ kvBlocks = 0, blockSizeTokens = 0 }: EndpointSeries): Cache[] {
  return kvBlocks > 0 && blockSizeTokens > 0 ? [{ kvTokens: kvBlocks * blockSizeTokens, blockSizeTokens }] : [];
}

/** The cache in the middle: engines measure what is left for it, so that equal servers differ by some blocks. */
function usualCache(caches: readonly Cache[]): Partial<Cache> {
  return caches.toSorted((a, b) => a.kvTokens - b.kvTokens)[caches.length >> 1] ?? {};
}
