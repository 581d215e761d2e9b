import type { BodyParser } from "./parsed-body.ts";
import { PromptReader } from "./prompt-reader.ts";
import { RequestFields } from "./request-fields.ts";

/** Parser of `/v1/images/generations` bodies (protocol 3.3): a `prompt` that is not empty. */
export function createImagesParser(): BodyParser {
  const fields = new RequestFields("images generations");
  const prompt = new PromptReader(["text"]);
  return {
    root: { member: (key) => (key === "prompt" ? prompt.visit() : fields.member(key)) },
    result: () => {
      if (!prompt.isValid || prompt.bytes.total === 0) fields.report("must have prompt field");
      return fields.read("images", prompt);
    },
  };
}
