import type { LoadSpec } from "./load-spec.ts";
import { azureCode, azureConversation, mooncakeStatistics } from "./published-statistics.ts";

/** A load with a name. */
export interface NamedLoad {
  /** What it is like, in one line. */
  readonly description: string;
  readonly spec: LoadSpec;
}

const fixed = (value: number): { readonly kind: "fixed"; readonly value: number } => ({ kind: "fixed", value });

/** 15 adapters of rank 8 with shares of 12, 6 and 2 %, five each, as the multi-LoRA regression test of the inference extension has them. */
const fifteenAdapters = [12, 6, 2].flatMap((share, rank) =>
  Array.from({ length: 5 }, (_, i) => ({ name: `adapter-${rank * 5 + i + 1}`, share })),
);

/** Names of the loads that are generated. */
export type LoadName =
  | "uniform"
  | "azure-conv-like"
  | "azure-code-like"
  | "mooncake-like"
  | "shared-prefixes"
  | "code-gen"
  | "reasoning"
  | "multi-lora"
  | "chat-sessions"
  | "mixed-lengths";

/** The loads that are generated, fitted to published statistics. Rates are those of the trace or setup they are like. */
export const namedLoads: Readonly<Record<LoadName, NamedLoad>> = {
  uniform: {
    description: "null case: 512 tokens in, 512 out, nothing shared, Poisson arrivals",
    spec: {
      kind: "single-requests",
      requests: 4000,
      ratePerSecond: 80,
      promptTokens: fixed(512),
      outputTokens: fixed(512),
    },
  },
  "azure-conv-like": {
    description: "lengths and arrivals (CV 1.09) of the Azure 2023 conversation trace, nothing shared",
    spec: {
      kind: "single-requests",
      requests: 4000,
      ratePerSecond: azureConversation.ratePerSecond,
      cv: azureConversation.gapCv,
      promptTokens: azureConversation.promptTokens,
      outputTokens: azureConversation.outputTokens,
    },
  },
  "azure-code-like": {
    description: "lengths and bursts (CV 13) of the Azure 2023 code trace, nothing shared",
    spec: {
      kind: "single-requests",
      requests: 4000,
      ratePerSecond: azureCode.ratePerSecond,
      cv: azureCode.gapCv,
      promptTokens: azureCode.promptTokens,
      outputTokens: azureCode.outputTokens,
    },
  },
  "mooncake-like": {
    description: "lengths and reuse of prefixes of the Mooncake conversation trace, blocks of 512 tokens",
    spec: { kind: "conversation-trace", requests: 4000, ratePerSecond: mooncakeStatistics.ratePerSecond },
  },
  "shared-prefixes": {
    description:
      "150 groups of 5 questions: 6000 tokens shared by a group, 1200 of a question, 1000 out, Poisson arrivals",
    spec: {
      kind: "shared-prefixes",
      requests: 3000,
      ratePerSecond: 20,
      groups: 150,
      questionsPerGroup: 5,
      prefixTokens: 6000,
      questionTokens: 1200,
      outputTokens: fixed(1000),
    },
  },
  "code-gen": {
    description: "closed loop of 60 users with contexts of 55,000 tokens that grow by turns of 500 in, 500 out",
    spec: {
      kind: "sessions",
      requests: 1000,
      starts: { kind: "users", users: 60, rampSeconds: 60 },
      turns: { kind: "uniform", min: 6, max: 12 },
      applications: 0,
      systemPromptTokens: 0,
      contextTokens: fixed(55_000),
      turnTokens: fixed(500),
      outputTokens: fixed(500),
      thinkSeconds: fixed(1),
      maxPromptTokens: 100_000,
    },
  },
  reasoning: {
    description: "closed loop of 200 users: 1000 tokens in, 8000 out, nothing shared",
    spec: {
      kind: "sessions",
      requests: 1000,
      starts: { kind: "users", users: 200, rampSeconds: 60 },
      turns: fixed(1),
      applications: 0,
      systemPromptTokens: 0,
      contextTokens: fixed(1000),
      turnTokens: fixed(1000),
      outputTokens: fixed(8000),
      thinkSeconds: fixed(0),
      maxPromptTokens: 100_000,
    },
  },
  "multi-lora": {
    description: "15 adapters, five each with 12, 6 and 2 % of the requests, 512 tokens in and 256 out in the mean",
    spec: {
      kind: "single-requests",
      requests: 4000,
      ratePerSecond: 100,
      promptTokens: { kind: "log-normal", mean: 512, p99: 2048, max: 8192 },
      outputTokens: { kind: "log-normal", mean: 256, p99: 1024, max: 2048 },
      adapters: fifteenAdapters,
    },
  },
  "chat-sessions": {
    description:
      "chats of 2 to 10 turns over 20 system prompts of 1000 tokens, 10 s to think in the mean, sessions at Poisson times",
    spec: {
      kind: "sessions",
      requests: 4000,
      starts: { kind: "open", ratePerSecond: 4 },
      turns: { kind: "uniform", min: 2, max: 10 },
      applications: 20,
      systemPromptTokens: 1000,
      contextTokens: { kind: "log-normal", mean: 300, p99: 2000, max: 8000 },
      turnTokens: { kind: "log-normal", mean: 120, p99: 800, max: 4000 },
      outputTokens: azureConversation.outputTokens,
      thinkSeconds: { kind: "log-normal", mean: 10, p99: 60, max: 300 },
      maxPromptTokens: 32_000,
    },
  },
  "mixed-lengths": {
    description:
      "nine of ten prompts up to 512 tokens, one of ten 8000 to 16,000; 150 tokens out in the mean, nothing shared",
    spec: {
      kind: "single-requests",
      requests: 4000,
      ratePerSecond: 30,
      promptTokens: { kind: "quantiles", ratios: [0, 0.9, 0.9001, 1], values: [64, 512, 8000, 16_000] },
      outputTokens: { kind: "log-normal", mean: 150, p99: 800, max: 2000 },
    },
  },
};

/** Names of the loads, for help texts and checks. */
export const loadNames = Object.keys(namedLoads) as readonly LoadName[];
