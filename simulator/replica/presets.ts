import { type Hardware, type PhysicalFloors, physicalFloors } from "./hardware.ts";
import type { ReplicaConfig } from "./config.ts";

/** Name of a preset: model, then GPU and tensor parallelism. */
export type PresetName =
  | "llama-3-8b-h100"
  | "llama-3-8b-a100"
  | "llama-3-8b-l4"
  | "qwen2.5-7b-a10g"
  | "llama-3-70b-h100-tp4"
  | "llama-3-70b-h100-tp8"
  | "llama-3-70b-a100-tp4"
  | "qwen3-32b-h100-tp2";

/** Columns of simulator 1.4: c0 ms, cB µs, cK µs, cP µs, cA ns. */
type Row = readonly [baseMs: number, perRequest: number, perContext: number, perPrefill: number, attention: number];

interface PresetData {
  readonly hardware: Hardware;
  readonly row: Row;
  readonly kvTokens: number;
  readonly maxModelTokens: number;
  readonly gpu: "large" | "other";
  /** What the numbers stand on. */
  readonly basis: string;
}

const presetData: Readonly<Record<PresetName, PresetData>> = {
  "llama-3-8b-h100": {
    hardware: { model: "llama-3-8b", gpu: "h100", tensorParallel: 1 },
    row: [7, 5, 0.06, 23, 1.3],
    kvTokens: 452_000,
    maxModelTokens: 131_072,
    gpu: "large",
    basis: "Vidur's profile of a 7B model scaled, BLIS's decode",
  },
  "llama-3-8b-a100": {
    hardware: { model: "llama-3-8b", gpu: "a100", tensorParallel: 1 },
    row: [11, 10, 0.09, 69, 2.6],
    kvTokens: 452_000,
    maxModelTokens: 131_072,
    gpu: "other",
    basis: "Vidur's profile and its attention",
  },
  "llama-3-8b-l4": {
    hardware: { model: "llama-3-8b", gpu: "l4", tensorParallel: 1 },
    row: [62, 20, 0.55, 240, 9],
    kvTokens: 39_000,
    maxModelTokens: 32_768,
    gpu: "other",
    basis: "datasheet only, to 30 %",
  },
  // Captured graphs take a part of the little memory that the weights leave.
  "qwen2.5-7b-a10g": {
    hardware: { model: "qwen2.5-7b", gpu: "a10g", tensorParallel: 1 },
    row: [30, 15, 0.125, 330, 8],
    kvTokens: 85_000,
    maxModelTokens: 32_768,
    gpu: "other",
    basis: "datasheet only, to 30 %",
  },
  "llama-3-70b-h100-tp4": {
    hardware: { model: "llama-3-70b", gpu: "h100", tensorParallel: 4 },
    row: [17, 20, 0.034, 62, 1.7],
    kvTokens: 488_000,
    maxModelTokens: 131_072,
    gpu: "large",
    basis: "Vidur's profile and all-reduce",
  },
  "llama-3-70b-h100-tp8": {
    hardware: { model: "llama-3-70b", gpu: "h100", tensorParallel: 8 },
    row: [12, 20, 0.017, 37, 0.9],
    kvTokens: 1_400_000,
    maxModelTokens: 131_072,
    gpu: "large",
    basis: "Vidur's profile and all-reduce",
  },
  "llama-3-70b-a100-tp4": {
    hardware: { model: "llama-3-70b", gpu: "a100", tensorParallel: 4 },
    row: [30, 25, 0.056, 190, 3.3],
    kvTokens: 488_000,
    maxModelTokens: 131_072,
    gpu: "other",
    basis: "Vidur's profile and all-reduce",
  },
  // cP is 38 because cA carries the attention: together 0.40 s for a chunk of 8192, the published calibration.
  "qwen3-32b-h100-tp2": {
    hardware: { model: "qwen3-32b", gpu: "h100", tensorParallel: 2 },
    row: [13, 10, 0.052, 38, 2.6],
    kvTokens: 307_328,
    maxModelTokens: 40_960,
    gpu: "large",
    basis: "llm-d's calibration: 0.40 s for a chunk of 8192 tokens, and its KV tokens",
  },
};

/** Defaults of vLLM's OpenAI server: GPUs of 70 GiB and more except A100 / all others (simulator 1.2). */
const batchLimits = {
  large: { maxBatchedTokens: 8192, maxSeqs: 1024 },
  other: { maxBatchedTokens: 2048, maxSeqs: 256 },
} as const;

/** Every preset name, for help texts and checks. */
export const presetNames = Object.keys(presetData) as readonly PresetName[];

/**
 * A model on a GPU by name, with `overrides` put over it. Adapters: 4 in a batch, 8 in host memory, rank 8 (2 % per
 * adapter), 100 ms from disk, 10 ms from host memory. Throws RangeError for an unknown name.
 */
export function presetConfig(name: string, overrides: Partial<ReplicaConfig> = {}): ReplicaConfig {
  const data = presetOf(name);
  const [baseMs, perRequestUs, perContextTokenUs, perPrefillTokenUs, attentionNs] = data.row;
  return {
    coefficients: { baseMs, perRequestUs, perContextTokenUs, perPrefillTokenUs, attentionNs },
    stepTerms: "sum",
    requestOverheadMs: 8,
    promptOverheadMs: 0,
    tokenOverheadMs: 0.05,
    blockSizeTokens: 16,
    kvTokens: data.kvTokens,
    ...batchLimits[data.gpu],
    longPrefillTokens: 0,
    maxModelTokens: data.maxModelTokens,
    maxLoras: 4,
    maxCpuLoras: 8,
    adapterLoadMs: 100,
    adapterSwapMs: 10,
    adapterStepFactor: 0.02,
    ...overrides,
  };
}

/** What the model of a preset runs on. Throws RangeError for an unknown name. */
export function presetHardware(name: string): Hardware {
  return presetOf(name).hardware;
}

/** Lower bounds of a preset's coefficients by the datasheet of its GPU. Throws RangeError for an unknown name. */
export function presetFloors(name: string): PhysicalFloors {
  return physicalFloors(presetOf(name).hardware);
}

/** What the numbers of a preset stand on. Throws RangeError for an unknown name. */
export function presetBasis(name: string): string {
  return presetOf(name).basis;
}

function presetOf(name: string): PresetData {
  const data: PresetData | undefined = Object.hasOwn(presetData, name) ? presetData[name as PresetName] : undefined;
  if (data !== undefined) return data;
  throw new RangeError(`Cannot use preset "${name}": unknown, expected one of ${presetNames.join(", ")}`);
}
