import type { ReplicaConfig } from "../replica/config.ts";
import type { ReplicaRequest } from "../replica/sequence.ts";
import { none, type RequestTable } from "./request-table.ts";

const noBlocks = new Uint32Array(0);
/** Ids of blocks are below this. */
const ids = 2 ** 32;

/** The rows of a load as replicas take them. */
export class ReplicaRequests {
  readonly #requests: RequestTable;

  constructor(requests: RequestTable) {
    this.#requests = requests;
  }

  /** Whether a replica can run the row at all; a server answers 400 to one that does not fit. */
  fits(row: number, { maxModelTokens, maxLoras }: ReplicaConfig): boolean {
    const { promptTokens, outputTokens, adapter } = this.#requests;
    if (adapter[row] !== none && maxLoras === 0) return false;
    return (promptTokens[row] as number) + (outputTokens[row] as number) <= maxModelTokens;
  }

  /** The row for a replica with blocks of `blockSizeTokens`. Throws RangeError when neither size divides the other. */
  take(row: number, { blockSizeTokens }: ReplicaConfig): ReplicaRequest {
    const { promptTokens, outputTokens, adapter, adapters } = this.#requests;
    const asked = adapter[row] as number;
    const { blockHashes, blockTokens } = this.#blocksOf(row, blockSizeTokens);
    return {
      id: row,
      promptTokens: promptTokens[row] as number,
      outputTokens: outputTokens[row] as number,
      blockHashes,
      blockTokens,
      adapter: asked === none ? undefined : adapters[asked],
    };
  }

  #blocksOf(row: number, blockSizeTokens: number): Pick<Required<ReplicaRequest>, "blockHashes" | "blockTokens"> {
    const { blocks, blockStart, blockTokens } = this.#requests;
    const own = blocks.subarray(blockStart[row], blockStart[row + 1]);
    if (own.length === 0) return { blockHashes: noBlocks, blockTokens: blockSizeTokens };
    if (blockTokens % blockSizeTokens === 0) return { blockHashes: this.#apart(row, own), blockTokens };
    const step = blockSizeTokens / blockTokens;
    if (!Number.isSafeInteger(step)) {
      throw new RangeError(
        `Cannot simulate blocks of ${blockSizeTokens} tokens: the load has blocks of ${blockTokens}, expected a multiple or a divisor`,
      );
    }
    // An id covers the blocks before it, so the last one of a replica's block names that.
    const coarse = Uint32Array.from(
      { length: Math.floor(own.length / step) },
      (_, i) => own[(i + 1) * step - 1] as number,
    );
    return { blockHashes: this.#apart(row, coarse), blockTokens: blockSizeTokens };
  }

  /** Ids that differ between models and adapters, which never share a block. */
  #apart(row: number, own: Uint32Array): Uint32Array | Float64Array {
    const { model, models, adapter } = this.#requests;
    const variant = ((adapter[row] as number) + 1) * models.length + (model[row] as number);
    return variant === 0 ? own : Float64Array.from(own, (id) => id + variant * ids);
  }
}
