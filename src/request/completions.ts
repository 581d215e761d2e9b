import type { BodyParser } from "./parsed-body.ts";
import { anyPrompt, PromptReader } from "./prompt-reader.ts";
import { RequestFields } from "./request-fields.ts";

/**
 * Parser of `/v1/completions` bodies (protocol 3.3, 10.5). `prompt` is a string, a list of strings, a list of token ids,
 * or, as vLLM takes it too, a list of such lists. A prompt of no bytes at all is refused (protocol 10.9).
 */
export function createCompletionsParser(): BodyParser {
  const fields = new RequestFields("completions");
  const prompt = new PromptReader(anyPrompt);
  return {
    root: {
      member: (key) => {
        if (key === "prompt") return prompt.visit();
        return key === "max_tokens" ? fields.visitBound(key) : fields.member(key);
      },
    },
    result: () => {
      if (!prompt.isValid || prompt.bytes.total === 0) fields.report("must have prompt field");
      return fields.read("completions", prompt, fields.bound("max_tokens"));
    },
  };
}
