import { z } from "../../lib/schema.ts";
import { notAvailable } from "../parameters.ts";
import { definePlugin } from "../plugin.ts";

/** Names the built-in estimate of prompt tokens; there is nothing to set up. */
export const tokenProducer = definePlugin({
  type: "token-producer",
  summary: "Stands for the built-in estimate of one token per 4 bytes of prompt; other backends are not available.",
  parameters: z.strictObject({ vllm: notAvailable, modelName: notAvailable }),
  roles: [],
  create: () => ({}),
});
