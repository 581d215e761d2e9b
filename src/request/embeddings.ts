import type { BodyParser } from "./parsed-body.ts";
import { anyPrompt, PromptReader } from "./prompt-reader.ts";
import { RequestFields } from "./request-fields.ts";

/**
 * Parser of `/v1/embeddings` bodies (protocol 3.3). `input` has the forms of a completion's prompt, and must be there; an
 * empty one is the model server's to refuse. The prompt is the input, each text of a list a segment of its own.
 */
export function createEmbeddingsParser(): BodyParser {
  const fields = new RequestFields("embeddings");
  const input = new PromptReader(anyPrompt);
  return {
    root: { member: (key) => (key === "input" ? input.visit() : fields.member(key)) },
    result: () => {
      if (!input.isPresent || !input.isValid) fields.report("must have input field");
      return fields.read("embeddings", input);
    },
  };
}
