import type { ValueVisitor } from "./json-visitor.ts";
import type { BodyParser } from "./parsed-body.ts";
import { PromptReader } from "./prompt-reader.ts";
import { accept, RequestFields } from "./request-fields.ts";

/**
 * Parser of SGLang's `/generate` bodies (protocol 3.3). The prompt is `input_ids`, one list or a list of lists, else
 * `text`; without either it is unknown, since SGLang also takes embeddings. `extra_key` is the salt, and a list of them, one
 * a prompt, is none. Nothing names a model here: a member of that name means nothing to SGLang.
 */
export function createSglangGenerateParser(): BodyParser {
  const fields = new RequestFields("generate");
  const tokens = new PromptReader(["token ids", "token id lists"]);
  const text = new PromptReader(["text", "texts"]);
  const member = (key: string): ValueVisitor | undefined => {
    switch (key) {
      case "input_ids":
        return tokens.visit();
      case "text":
        return text.visit();
      case "extra_key":
        return fields.visitSalt(key, { array: accept });
      case "sampling_params":
        return fields.visitBoundWithin("max_new_tokens");
      case "model":
        return undefined;
      default:
        return fields.member(key);
    }
  };
  return {
    root: { member },
    result: () => {
      if (!tokens.isValid) fields.report("input_ids must be an array of uint32 integers");
      if (!text.isValid) fields.report("text must be a string or an array of strings");
      return fields.read("sglang-generate", tokens.isPresent ? tokens : text, fields.bound("max_new_tokens"));
    },
  };
}
