/** A transformer with 16-bit weights and KV values. */
interface Model {
  readonly parameters: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDimension: number;
}

/** A GPU by its datasheet: 16-bit dense arithmetic, memory and its bandwidth. */
interface Gpu {
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly memoryBytes: number;
}

const models = {
  "llama-3-8b": { parameters: 8.03e9, layers: 32, heads: 32, kvHeads: 8, headDimension: 128 },
  "llama-3-70b": { parameters: 70.6e9, layers: 80, heads: 64, kvHeads: 8, headDimension: 128 },
  "qwen2.5-7b": { parameters: 7.62e9, layers: 28, heads: 28, kvHeads: 4, headDimension: 128 },
  "qwen3-32b": { parameters: 32.8e9, layers: 64, heads: 64, kvHeads: 8, headDimension: 128 },
} as const satisfies Record<string, Model>;

const gpus = {
  h100: { flopsPerSecond: 989e12, bytesPerSecond: 3.35e12, memoryBytes: 80 * 2 ** 30 },
  a100: { flopsPerSecond: 312e12, bytesPerSecond: 2.039e12, memoryBytes: 80 * 2 ** 30 },
  l4: { flopsPerSecond: 121e12, bytesPerSecond: 0.3e12, memoryBytes: 24 * 2 ** 30 },
  a10g: { flopsPerSecond: 70e12, bytesPerSecond: 0.6e12, memoryBytes: 24 * 2 ** 30 },
} as const satisfies Record<string, Gpu>;

const bytesPerValue = 2;
/** Share of the memory that the engine takes (`gpu_memory_utilization`), and what of it each GPU keeps for other things. */
const memoryShare = 0.9;
const reservedBytes = 2e9;

/** A model on GPUs. */
export interface Hardware {
  readonly model: keyof typeof models;
  readonly gpu: keyof typeof gpus;
  /** GPUs that share every layer. */
  readonly tensorParallel: number;
}

/** What no engine can beat: every coefficient at the full bandwidth or arithmetic of the datasheet (simulator 1.4). */
export interface PhysicalFloors {
  /** c0: reading the weights once, ms. */
  readonly baseMs: number;
  /** cB: 0, since a decode's arithmetic may hide behind the reading of weights. */
  readonly perRequestUs: number;
  /** cK: reading the keys and values of a token, µs. */
  readonly perContextTokenUs: number;
  /** cP: two operations for each weight, µs. */
  readonly perPrefillTokenUs: number;
  /** cA: scores and weighted values of a pair of tokens in all layers, ns. */
  readonly attentionNs: number;
}

/** Lower bounds of the step coefficients. */
export function physicalFloors({ model, gpu, tensorParallel }: Hardware): PhysicalFloors {
  const { parameters, layers, heads, headDimension } = models[model];
  const flops = gpus[gpu].flopsPerSecond * tensorParallel;
  const bytes = gpus[gpu].bytesPerSecond * tensorParallel;
  return {
    baseMs: ((parameters * bytesPerValue) / bytes) * 1e3,
    perRequestUs: 0,
    perContextTokenUs: (kvBytesPerToken(model) / bytes) * 1e6,
    perPrefillTokenUs: ((2 * parameters) / flops) * 1e6,
    attentionNs: ((4 * layers * heads * headDimension) / flops) * 1e9,
  };
}

/** Tokens that fit beside the weights: what the KV cache holds when nothing better is known (simulator 1.2). */
export function kvTokensThatFit({ model, gpu, tensorParallel }: Hardware): number {
  const weights = models[model].parameters * bytesPerValue;
  const left = (gpus[gpu].memoryBytes * memoryShare - reservedBytes) * tensorParallel - weights;
  return Math.floor(left / kvBytesPerToken(model));
}

/** Bytes of a token's keys and values in all layers. */
function kvBytesPerToken(model: Hardware["model"]): number {
  const { layers, kvHeads, headDimension } = models[model];
  return 2 * layers * kvHeads * headDimension * bytesPerValue;
}
