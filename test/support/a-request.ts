import type { InferenceRequest } from "../../src/request/inference-request.ts";

/** A request for completions; `prompt` as text. */
export function aRequest(
  traits: Partial<Omit<InferenceRequest, "prompt">> & { readonly prompt?: string | Uint8Array } = {},
): InferenceRequest {
  const prompt = typeof traits.prompt === "string" ? new TextEncoder().encode(traits.prompt) : traits.prompt;
  const bytes = prompt ?? new Uint8Array(0);
  const model = traits.model ?? "base";
  return {
    kind: "completions",
    model,
    targetModel: model,
    streaming: false,
    maxOutputTokens: undefined,
    promptBytes: bytes.length,
    segments: [],
    cacheSalt: "",
    objective: "",
    priority: 0,
    headers: {},
    fairnessId: "",
    requestId: "request-1",
    ...traits,
    prompt: bytes,
  };
}
