import { blockHashes } from "../emulated-server/block-hash.ts";
import { parseCompletionRequest } from "../emulated-server/completion-request.ts";
import { bytesPerToken, outputText } from "../emulated-server/output-text.ts";
import { type LoadRequest, requestBody } from "../load/load-request.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import type { PoolRequest } from "./virtual-pool.ts";

/** The request as an emulated server hands it to its replica: same tokens, same block hashes. */
export function toPoolRequest(request: LoadRequest, { blockSizeTokens }: ReplicaConfig): PoolRequest {
  const parsed = parseCompletionRequest(request.prompt.api, requestBody(request));
  if ("status" in parsed) throw new TypeError(`Cannot emulate request "${request.id}": ${parsed.message}`);
  const promptTokens = Math.max(1, Math.ceil(Buffer.byteLength(parsed.prompt) / bytesPerToken));
  const text = parsed.prompt + outputText(parsed.prompt.length + promptTokens, parsed.maxTokens);
  return {
    id: request.id,
    arrivalMs: request.arrivalMs,
    promptTokens,
    outputTokens: parsed.maxTokens,
    blockHashes: blockHashes(text, blockSizeTokens * bytesPerToken, `${request.adapter ?? ""}\n${parsed.cacheSalt}`),
    adapter: request.adapter,
  };
}
