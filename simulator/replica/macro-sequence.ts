import { chainBlocks, type HashChain } from "./hash-chain.ts";
import type { HeldBlocks } from "./extent-pool.ts";
import type { ReplicaRequest, SequenceState } from "./sequence.ts";
import type { Listed } from "./sequence-list.ts";

/**
 * A request under way in a replica that jumps over steps. While it is one of the decodes, `computed`, `generated` and `held`
 * are those of the time when it joined them; the decode set knows how far it is.
 */
export class MacroSequence implements Listed<MacroSequence>, HeldBlocks {
  readonly request: ReplicaRequest;
  readonly chain: HashChain;
  /** Blocks that its hashes name. */
  readonly hashedBlocks: number;
  /** Reaches the engine's queue then, model ms. */
  readonly readyAtMs: number;
  state: SequenceState = "arriving";
  isCancelled = false;
  isDecoding = false;
  /** Place in the order of admission, which is that of the batch. */
  order = 0;
  /** Blocks held. */
  held = 0;
  registered = 0;
  readonly duplicates: number[] = [];
  lastExtent = 0;
  /** Tokens whose KV values are in the blocks. */
  computed = 0;
  /** Output tokens so far; kept through a preemption. */
  generated = 0;
  /** Prefill tokens of the step under way. */
  chunk = 0;
  /** Prompt tokens found in the cache at the first admission; -1 before it. */
  cachedTokens = -1;
  /** When its last token left, while it is not one of the decodes whose token left with the last step. */
  lastTokenMs = Number.NaN;
  /** Decodes: steps of the set minus tokens computed, which does not change from step to step. */
  offset = 0;
  /** Decodes: the set's steps when the last token is out. */
  lastStep = 0;
  /** Decodes: place in the heap. */
  heapAt = -1;
  previous: MacroSequence | undefined = undefined;
  next: MacroSequence | undefined = undefined;

  constructor(request: ReplicaRequest, blockSizeTokens: number, readyAtMs: number) {
    this.request = request;
    this.readyAtMs = readyAtMs;
    const blocksPerHash = (request.blockTokens ?? blockSizeTokens) / blockSizeTokens;
    this.chain = { hashes: request.blockHashes, blocksPerHash };
    this.hashedBlocks = chainBlocks(this.chain);
  }

  /** Tokens known so far: prompt and generated output. */
  get tokens(): number {
    return this.request.promptTokens + this.generated;
  }

  /** All but the newest token are computed, so the next step decodes. */
  get isDecodeNext(): boolean {
    return this.generated > 0 && this.computed === this.tokens - 1;
  }
}
