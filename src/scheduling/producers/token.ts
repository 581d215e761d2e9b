import { z } from "../../lib/schema.ts";
import { unavailable } from "../parameters.ts";
import { definePlugin } from "../plugin.ts";

const hint = "prompts are not tokenized, tokens are estimated from their bytes";

const parameters = z.strictObject({
  vllm: unavailable(hint),
  modelName: unavailable(hint),
  estimate: z.record(z.string(), z.unknown()).optional(),
});

/**
 * Names the built-in estimate of tokens: there is nothing to set up (protocol 6.7). `estimate` sets how many tokens the
 * reference takes an image, a video or a sound to be; here they are a few bytes of the prompt whatever they hold.
 */
export const tokenProducer = definePlugin<z.infer<typeof parameters>>({
  type: "token-producer",
  summary: "Stands for the built-in estimate of tokens from bytes; other backends are not available.",
  parameters,
  roles: [],
  caution: ({ estimate }) =>
    estimate === undefined
      ? undefined
      : { parameter: "estimate", message: "has no effect: images, video and sound count as a few bytes of the prompt" },
  create: () => ({}),
});
