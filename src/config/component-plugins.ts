import { noParameters } from "../scheduling/parameters.ts";
import { definePlugin, type PluginDefinition } from "../scheduling/plugin.ts";

/** Parsers that are asked when a config lists none, in that order (protocol 3.2). */
export const defaultParserTypes: readonly string[] = [
  "openai-parser",
  "anthropic-parser",
  "vllmhttp-parser",
  "passthrough-parser",
];

interface ParserType {
  readonly type: string;
  readonly summary: string;
  /** Requests that it takes have no prompt that is read. */
  readonly isBlind?: boolean;
}

const parsers: readonly ParserType[] = [
  {
    type: "openai-parser",
    summary:
      "Reads the OpenAI APIs: completions and chat completions, also to render, embeddings, responses, conversations and image generations.",
  },
  { type: "anthropic-parser", summary: "Reads Anthropic's messages API and forwards count_tokens unread." },
  { type: "vllmhttp-parser", summary: "Reads vLLM's /inference/v1/generate." },
  { type: "sglanghttp-parser", summary: "Reads SGLang's /generate; only for pools that run SGLang." },
  { type: "vllmgrpc-parser", summary: "Reads vLLM's gRPC calls Generate and Embed and forwards the others unread." },
  {
    type: "passthrough-parser",
    summary: "Takes every request that no other parser claims and forwards it unread.",
    isBlind: true,
  },
];

/** Types that read request bodies. */
export const parserTypes: readonly string[] = parsers.map(({ type }) => type);

/** Parser types that read the prompt of some requests. */
export const promptParserTypes: readonly string[] = parsers.flatMap(({ type, isBlind }) => (isBlind ? [] : [type]));

/** Plugin types of a config that belong to other parts of the picker: they can be named, and have no role in scheduling. */
export const componentPlugins: readonly PluginDefinition[] = parsers.map(({ type, summary }) =>
  definePlugin({ type, summary, parameters: noParameters, roles: [], create: () => ({}) }),
);
