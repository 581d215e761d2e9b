import type { EmulatedModels } from "./model-service.ts";

/** The answer to `GET /v1/models`: the base model, then its adapters. `created` is Unix time in seconds. */
export function modelList({ base, adapters }: EmulatedModels, maxModelTokens: number, created: number): string {
  const card = { object: "model", created, owned_by: "vllm" };
  const data = [
    { id: base, ...card, root: base, parent: null, max_model_len: maxModelTokens },
    ...adapters.map((id) => ({ id, ...card, root: `/adapters/${id}`, parent: base, max_model_len: null })),
  ];
  return JSON.stringify({ object: "list", data });
}
