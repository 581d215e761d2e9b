import type { BodyParser } from "./parsed-body.ts";
import { PromptReader } from "./prompt-reader.ts";
import { RequestFields } from "./request-fields.ts";

/** Parser of vLLM's `/inference/v1/generate` bodies (protocol 3.3): `token_ids` not empty, the bound in `sampling_params`. */
export function createVllmGenerateParser(): BodyParser {
  const fields = new RequestFields("generate");
  const tokens = new PromptReader(["token ids"]);
  return {
    root: {
      member: (key) => {
        if (key === "token_ids") return tokens.visit();
        return key === "sampling_params" ? fields.visitBoundWithin("max_tokens") : fields.member(key);
      },
    },
    result: () => {
      if (!tokens.isValid || tokens.bytes.total === 0) fields.report("must have non-empty token_ids field");
      return fields.read("vllm-generate", tokens, fields.bound("max_tokens"));
    },
  };
}
