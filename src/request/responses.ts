import { ByteSink } from "./byte-sink.ts";
import { ContentReader } from "./content-reader.ts";
import type { ValueVisitor } from "./json-visitor.ts";
import { type BodyParser, promptCapBytes } from "./parsed-body.ts";
import { RequestFields } from "./request-fields.ts";
import { ToolsReader } from "./tools-reader.ts";

/**
 * Parser of `/v1/responses` bodies (protocol 3.3): only `input` must be there. The prompt is the bytes of `tools` as the
 * client wrote them, then `instructions`, then the input: what stays the same from turn to turn first.
 */
export function createResponsesParser(): BodyParser {
  const fields = new RequestFields("responses");
  const tools = new ToolsReader();
  const instructions = new ByteSink(promptCapBytes);
  const input = new ByteSink(promptCapBytes);
  const { content } = new ContentReader(input);
  let hasInput = false;
  const member = (key: string): ValueVisitor | undefined => {
    switch (key) {
      case "input":
        input.truncate(0);
        hasInput = true;
        return { ...content, null: () => void (hasInput = false) };
      case "instructions":
        instructions.truncate(0);
        return { string: () => instructions };
      case "tools":
        return tools.visit();
      case "max_output_tokens":
        return fields.visitBound(key);
      default:
        return fields.member(key);
    }
  };
  return {
    root: { member },
    result: () => {
      if (!hasInput) fields.report("must have input field");
      input.prepend(instructions);
      tools.placeBefore(input);
      return fields.read("responses", { bytes: input, segments: [] }, fields.bound("max_output_tokens"));
    },
  };
}
