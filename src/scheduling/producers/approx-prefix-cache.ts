import type { Endpoint } from "../../datastore/endpoint.ts";
import { LruMap } from "../../lib/lru-map.ts";
import { maxLruSetKeys } from "../../lib/lru-set.ts";
import { z } from "../../lib/schema.ts";
import type { PromptChain } from "../../request/inference-request.ts";
import { type Cycle, definePlugin, type PluginEnvironment, type Producer } from "../plugin.ts";
import { type BlockHashes, chainSeed, hashBlocks, hashPromptChain, joinedKey } from "../prefix/block-hash.ts";
import { PrefixIndex } from "../prefix/prefix-index.ts";
import { PrefixMatch } from "../prefix/prefix-match.ts";

/** Bytes of prompt that stand for one token where no tokenizer runs (protocol 3.3). */
const bytesPerToken = 4;
/** Smaller blocks are raised to this (protocol 6.7). */
const minBlockSizeTokens = 64;
/**
 * Bytes that one instance remembers blocks in, over all endpoints: 128 MiB, at 24 bytes a block. Enough for the default of
 * 31,250 blocks at each of 170 endpoints.
 */
export const prefixIndexBytes = 134_217_728;
/** Pairs of model and salt whose joined names are known. */
const maxSaltedPairs = 1024;
/** Largest number of blocks one endpoint's own report can ask for. */
const maxCapacity = maxLruSetKeys;

const parameters = z.strictObject({
  autoTune: z.boolean().default(true),
  blockSizeTokens: z.int().min(1).max(1_048_576).default(16),
  maxPrefixBlocksToMatch: z.int().min(1).max(65_536).default(2048),
  maxPrefixTokensToMatch: z.int().min(0).max(16_777_216).default(131_072),
  lruCapacityPerServer: z.int().min(1).max(maxCapacity).default(31_250),
});
type Parameters = z.infer<typeof parameters>;
type Request = Cycle["request"];

/** Guesses which endpoint holds how much of a prompt from where earlier prompts were sent. Produces a PrefixMatch. */
export const approxPrefixCacheProducer = definePlugin<Parameters>({
  type: "approx-prefix-cache-producer",
  summary: "Remembers which prompt blocks were sent to which endpoint.",
  parameters,
  roles: ["producer"],
  create: (given, environment) => ({ producer: new ApproxPrefixCache(given, environment) }),
});

/** The chains of a prompt. */
interface Chains {
  readonly hashes: BlockHashes;
  /** Start of the chains. */
  readonly seed: bigint;
  /** Blocks that each hash stands for. */
  readonly group: number;
  /** Hashes of the same prompt from another start; what is matched is the longer of both. */
  readonly namesake: BlockHashes | undefined;
}

/** The prompt of one request with its hashes. */
export class HashedPrompt extends PrefixMatch {
  readonly hashes: BlockHashes;
  readonly seed: bigint;
  readonly group: number;
  readonly #namesake: BlockHashes | undefined;
  readonly #index: PrefixIndex;

  constructor({ hashes, seed, group, namesake }: Chains, blockSizeTokens: number, index: PrefixIndex) {
    super(hashes.count, blockSizeTokens);
    this.hashes = hashes;
    this.seed = seed;
    this.group = group;
    this.#namesake = namesake;
    this.#index = index;
  }

  protected override look(endpoint: Endpoint): number {
    const matched = this.#index.matchedBlocks(endpoint, this.hashes);
    return this.#namesake === undefined
      ? matched
      : Math.max(matched, this.#index.matchedBlocks(endpoint, this.#namesake));
  }
}

class ApproxPrefixCache implements Producer {
  readonly #parameters: Parameters;
  readonly #name: string;
  #hashKey: bigint;
  #index = new PrefixIndex(prefixIndexBytes);
  /** Where the chains of a pair with a salt start, by the pair's joined key. */
  #saltedSeeds = new LruMap<bigint, bigint>(maxSaltedPairs);
  #lastSeed: { readonly model: string; readonly salt: string; readonly seed: bigint } | undefined;

  constructor(given: Parameters, environment: PluginEnvironment) {
    this.#parameters = given;
    this.#name = environment.name;
    this.#hashKey = environment.hashKey;
  }

  produce({ request }: Cycle, candidates: readonly Endpoint[]): PrefixMatch {
    const blockSizeTokens = this.#blockSizeTokens(candidates);
    const maxBlocks = this.#maxBlocks(blockSizeTokens);
    if (request.promptChain !== undefined) return this.#known(request, request.promptChain, blockSizeTokens, maxBlocks);
    const hash = (seed: bigint): BlockHashes =>
      hashBlocks(request.prompt, blockSizeTokens * bytesPerToken, maxBlocks, seed, request.segments);
    return this.#hashed(request, hash, blockSizeTokens);
  }

  /**
   * A prompt of which only a chain is known. Where blocks of the chain are whole numbers of blocks here, those that one covers
   * come and go together: they are kept as one, which counts as that many.
   */
  #known(request: Request, chain: PromptChain, blockSizeTokens: number, maxBlocks: number): PrefixMatch {
    const group = chain.blockTokens % blockSizeTokens === 0 ? chain.blockTokens / blockSizeTokens : 1;
    const size = blockSizeTokens * group;
    const most = Math.max(1, Math.floor(maxBlocks / group));
    return this.#hashed(request, (seed) => hashPromptChain(chain, size, most, seed), size, group);
  }

  /** `group`: blocks that each hash stands for. */
  #hashed(request: Request, hash: (seed: bigint) => BlockHashes, blockSizeTokens: number, group = 1): HashedPrompt {
    const seed = this.#seedOf(request);
    const namesake = this.#namesakeSeed(request);
    const chains = { hashes: hash(seed), seed, group, namesake: namesake === undefined ? undefined : hash(namesake) };
    return new HashedPrompt(chains, blockSizeTokens, this.#index);
  }

  dispatched(cycle: Cycle, picked: Endpoint): undefined {
    const prompt = cycle.produced.get(this.#name);
    if (!(prompt instanceof HashedPrompt)) return;
    const { targetModel, cacheSalt } = cycle.request;
    this.#index.add(picked, prompt.hashes, Math.max(1, Math.floor(this.#capacity(picked) / prompt.group)));
    if (cacheSalt !== "") this.#saltedSeeds.set(joinedKey(this.#hashKey, targetModel, cacheSalt), prompt.seed);
  }

  /** Blocks of another size stay until they are forgotten: they match nothing. */
  adopt(predecessor: Producer): void {
    if (!(predecessor instanceof ApproxPrefixCache)) return;
    this.#index = predecessor.#index;
    this.#hashKey = predecessor.#hashKey;
    this.#lastSeed = undefined;
    this.#saltedSeeds = predecessor.#saltedSeeds;
  }

  forget(id: Endpoint["id"]): void {
    this.#index.forget(id);
  }

  /** Start of the chains of a request; that of the last pair of model and salt is kept, since most requests ask for the same. */
  #seedOf({ targetModel, cacheSalt }: Request): bigint {
    const last = this.#lastSeed;
    if (last?.model === targetModel && last.salt === cacheSalt) return last.seed;
    const seed = chainSeed(this.#hashKey, targetModel, cacheSalt);
    this.#lastSeed = { model: targetModel, salt: cacheSalt, seed };
    return seed;
  }

  /**
   * Start of the chains of a pair with a salt that joins to the request's bare model. The reference takes the two for one; here
   * only a request without a salt matches the pair's blocks, which takes knowing the salt, and never the other way round.
   */
  #namesakeSeed({ targetModel, cacheSalt }: Request): bigint | undefined {
    if (cacheSalt !== "" || this.#saltedSeeds.size === 0) return undefined;
    return this.#saltedSeeds.get(joinedKey(this.#hashKey, targetModel, ""));
  }

  /** With auto-tuning the size of the first candidate that reports one. */
  #blockSizeTokens(candidates: readonly Endpoint[]): number {
    const size = this.#parameters.autoTune ? firstBlockSize(candidates) : undefined;
    return Math.max(minBlockSizeTokens, size ?? this.#parameters.blockSizeTokens);
  }

  #maxBlocks(blockSizeTokens: number): number {
    const { maxPrefixTokensToMatch, maxPrefixBlocksToMatch } = this.#parameters;
    if (maxPrefixTokensToMatch === 0) return maxPrefixBlocksToMatch;
    return Math.max(1, Math.floor(maxPrefixTokensToMatch / blockSizeTokens));
  }

  /** With auto-tuning the number of blocks that the endpoint reports. */
  #capacity(endpoint: Endpoint): number {
    const reported = this.#parameters.autoTune ? endpoint.signals.cacheInfo.value?.blocks : undefined;
    if (reported === undefined || !isCount(reported)) return this.#parameters.lruCapacityPerServer;
    return Math.min(Math.floor(reported), maxCapacity);
  }
}

function firstBlockSize(candidates: readonly Endpoint[]): number | undefined {
  for (const { signals } of candidates) {
    const size = signals.cacheInfo.value?.blockSizeTokens;
    if (size !== undefined && isCount(size)) return Math.floor(size);
  }
  return undefined;
}

/** False for what no server can mean: NaN, infinities, less than one, more than a count holds exactly. */
function isCount(value: number): boolean {
  return value >= 1 && value <= 4_294_967_296;
}
