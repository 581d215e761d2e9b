import type { RecordedPick } from "../../src/recording/line.ts";
import type { InferenceRequest, PromptChain, RequestKind } from "../../src/request/inference-request.ts";

/** The request of a recorded decision, as scheduling saw it: its prompt is a chain of hashes, headers are not known. */
export function recordedRequest(line: RecordedPick): InferenceRequest {
  const { model, targetModel = model, objective = "", priority = 0, fairnessId = "", requestId } = line;
  const { streaming = false, onlyIfCached = false, maxOutputTokens, promptBytes } = line;
  const promptChain = recordedChain(line);
  return {
    kind: line.api as RequestKind,
    model,
    targetModel,
    streaming,
    maxOutputTokens,
    prompt: new Uint8Array(0),
    promptBytes,
    segments: [],
    cacheSalt: "",
    objective,
    priority,
    headers: {},
    fairnessId,
    requestId,
    ...(onlyIfCached && { onlyIfCached }),
    ...(promptChain && { promptChain }),
  };
}

/** Hashes of the prompt's blocks; undefined when it had none. */
export function recordedChain({ blocks, blockTokens, chainEnds }: RecordedPick): PromptChain | undefined {
  if (blocks === undefined || blockTokens === undefined) return undefined;
  const bytes = Buffer.from(blocks, "base64");
  // A copy, since words must lie at multiples of 4.
  const words = new Uint32Array(new Uint8Array(bytes).buffer, 0, Math.floor(bytes.length / 8) * 2);
  return { words, blockTokens, ...(chainEnds && { chainEnds }) };
}
