/**
 * Step time of one engine iteration: `base + perRequest·B + perContextToken·K + perPrefillToken·P + attention·Σ q(h + q/2)`
 * with B requests in the batch, K context tokens over the decodes, P new prefill tokens and, for each prefill, q tokens of
 * this chunk after h tokens that are in the cache already (simulator 1.3: c0, cB, cK, cP, cA).
 */
export interface StepCoefficients {
  /** c0: weights and launch, ms. */
  readonly baseMs: number;
  /** cB: per request of the batch, µs. */
  readonly perRequestUs: number;
  /** cK: per context token that a decode reads, µs. */
  readonly perContextTokenUs: number;
  /** cP: per prefill token through the linear layers, µs. */
  readonly perPrefillTokenUs: number;
  /** cA: per pair of prefill token and token before it, ns. */
  readonly attentionNs: number;
}

/** One model server: a model on its GPUs with the engine's limits. */
export interface ReplicaConfig {
  readonly coefficients: StepCoefficients;
  /**
   * How memory time (c0, cB, cK) and compute time (cP, cA) of a step make its duration: one after the other, which is what
   * published fits assume, or both at once, so that the longer counts.
   */
  readonly stepTerms: "sum" | "max";
  /** a0: from a request's arrival to the engine's queue (HTTP, tokenizer), ms. */
  readonly requestOverheadMs: number;
  /** a1: the part of that which grows with the prompt, ms per 1,000 tokens. */
  readonly promptOverheadMs: number;
  /** a2: from the end of a step to the client's token, ms; not applied by the replica, whose events carry step ends. */
  readonly tokenOverheadMs: number;
  /** Tokens a KV block holds. */
  readonly blockSizeTokens: number;
  /** Tokens the KV cache holds; rounded down to whole blocks. */
  readonly kvTokens: number;
  /** Most tokens one step computes (`max_num_batched_tokens`). */
  readonly maxBatchedTokens: number;
  /** Most requests in the batch (`max_num_seqs`). */
  readonly maxSeqs: number;
  /** Most prefill tokens one request gets in a step (`long_prefill_token_threshold`); 0 for no limit of its own. */
  readonly longPrefillTokens: number;
  /** Most tokens of prompt and output together (`max_model_len`). */
  readonly maxModelTokens: number;
  /** Adapters in one batch (`max_loras`); 0 serves no adapters. */
  readonly maxLoras: number;
  /** Adapters kept in host memory, those in a batch included (`max_cpu_loras`), at least `maxLoras`. */
  readonly maxCpuLoras: number;
  /** From disk or store to a slot of the GPU, ms. */
  readonly adapterLoadMs: number;
  /** From host memory to a slot of the GPU, ms. */
  readonly adapterSwapMs: number;
  /** A step with n distinct adapters takes `1 + n·adapterStepFactor` times as long. */
  readonly adapterStepFactor: number;
}

type NumericField = Exclude<keyof ReplicaConfig, "coefficients" | "stepTerms">;

const wholeFields: readonly { readonly name: NumericField; readonly min: number }[] = [
  { name: "blockSizeTokens", min: 1 },
  { name: "kvTokens", min: 1 },
  { name: "maxBatchedTokens", min: 1 },
  { name: "maxSeqs", min: 1 },
  { name: "longPrefillTokens", min: 0 },
  { name: "maxModelTokens", min: 2 },
  { name: "maxLoras", min: 0 },
  { name: "maxCpuLoras", min: 0 },
];

const timeFields: readonly NumericField[] = [
  "requestOverheadMs",
  "promptOverheadMs",
  "tokenOverheadMs",
  "adapterLoadMs",
  "adapterSwapMs",
  "adapterStepFactor",
];

/** Throws RangeError naming the first field of `config` that is out of its range. */
export function checkReplicaConfig(config: ReplicaConfig): void {
  for (const { name, min } of wholeFields) {
    if (!Number.isSafeInteger(config[name]) || config[name] < min) {
      throw fieldError(name, config[name], `a whole number from ${min}`);
    }
  }
  for (const name of timeFields) requireTime(name, config[name]);
  for (const [name, value] of Object.entries(config.coefficients)) requireTime(`coefficients.${name}`, value);
  if (config.stepTerms !== "sum" && config.stepTerms !== "max") {
    throw fieldError("stepTerms", config.stepTerms, '"sum" or "max"');
  }
  if (config.coefficients.baseMs === 0) throw fieldError("coefficients.baseMs", 0, "a number above 0");
  if (config.maxCpuLoras < config.maxLoras) {
    throw fieldError("maxCpuLoras", config.maxCpuLoras, `at least maxLoras (${config.maxLoras})`);
  }
  const blocks = Math.floor(config.kvTokens / config.blockSizeTokens);
  if (config.maxModelTokens > blocks * config.blockSizeTokens) {
    throw fieldError("maxModelTokens", config.maxModelTokens, `at most the KV cache's ${blocks} whole blocks`);
  }
}

function requireTime(name: string, value: unknown): void {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw fieldError(name, value, "a finite number from 0");
  }
}

function fieldError(name: string, found: unknown, expected: string): RangeError {
  return new RangeError(`Cannot use replica config "${name}": ${String(found)}, expected ${expected}`);
}
