import type { Listed } from "./sequence-list.ts";
import { type BlockHashes, chainBlocks, type HashChain } from "./hash-chain.ts";

/** A request as the caller hands it to a replica. */
export interface ReplicaRequest {
  /** The caller's name for it in events; unique among the requests that have not ended. */
  readonly id: number;
  /** At least 1. */
  readonly promptTokens: number;
  /** Tokens to generate, at least 1; prompt and output together at most `maxModelTokens`. */
  readonly outputTokens: number;
  /**
   * `blockHashes[i]` names the content of tokens 0 to (i + 1)·blockTokens of prompt and output, adapter and cache salt
   * included: equal hashes mean equal KV content. Whole numbers from 0, below 2^53 divided by the blocks that one names; may
   * end early, and what lies beyond is never shared.
   */
  readonly blockHashes: BlockHashes;
  /**
   * Tokens a hash names: the replica's `blockSizeTokens`, which is the default, or a multiple of it. The same for all
   * requests of a replica that have hashes.
   */
  readonly blockTokens?: number;
  /** Name of a LoRA adapter; undefined asks for the base model. */
  readonly adapter: string | undefined;
}

/** Where a request stands in its replica. */
export type SequenceState = "arriving" | "waiting" | "running";

/** A request under way: progress, blocks held and its place in a list. */
export class Sequence implements Listed<Sequence> {
  readonly request: ReplicaRequest;
  /** Reaches the engine's queue then, model ms. */
  readonly readyAtMs: number;
  readonly chain: HashChain;
  /** Blocks that its hashes name. */
  readonly hashedBlocks: number;
  state: SequenceState = "arriving";
  isCancelled = false;
  /** Block numbers of the first `held` blocks. */
  readonly blocks: Int32Array;
  held = 0;
  /** Tokens whose KV values are in the blocks. */
  computed = 0;
  /** Output tokens so far; kept through a preemption. */
  generated = 0;
  /** Leading blocks that are findable by hash. */
  registered = 0;
  /** Tokens the step under way computes. */
  chunk = 0;
  /** Prompt tokens found in the cache at the first admission. */
  cachedTokens = 0;
  /** First admission, model ms; NaN before it. */
  scheduledAtMs = Number.NaN;
  previous: Sequence | undefined = undefined;
  next: Sequence | undefined = undefined;

  constructor(request: ReplicaRequest, blockSizeTokens: number, readyAtMs: number) {
    this.request = request;
    this.readyAtMs = readyAtMs;
    this.chain = {
      hashes: request.blockHashes,
      blocksPerHash: (request.blockTokens ?? blockSizeTokens) / blockSizeTokens,
    };
    this.hashedBlocks = chainBlocks(this.chain);
    this.blocks = new Int32Array(Math.ceil((request.promptTokens + request.outputTokens) / blockSizeTokens));
  }

  /** Tokens known so far: prompt and generated output. */
  get tokens(): number {
    return this.request.promptTokens + this.generated;
  }
}
