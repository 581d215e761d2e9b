import type { Endpoint } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { definePlugin, type Ratings } from "../plugin.ts";

const parameters = z.strictObject({
  label: z.string().min(1).default("llm-d.ai/context-length-range"),
  enableFiltering: z.boolean().default(false),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Prefers endpoints whose label names a range of prompt lengths, `min-max` in tokens, that holds the request's and is narrow
 * (protocol 6.4, 10.1). Inside a range: 0.3 + 0.7 x (0.7 / (1 + width / 10000) + 0.3 x headroom / width), for a width of 0:
 * 1. Outside: 0.3 / (1 + distance / 1000). No label: 0.5; a label that is no range: 0. With `enableFiltering` endpoints
 * whose label does not hold the length are removed; those without the label stay. Raw: tokens outside of the range, 0
 * inside.
 */
export const contextLengthScorer = definePlugin<Parameters>({
  type: "context-length-aware",
  summary: "Prefers endpoints labelled with a narrow range of prompt lengths that fits; may filter by it.",
  parameters,
  roles: ["filter", "scorer"],
  create: ({ label, enableFiltering }) => {
    const ranges = new RangeLabels(label);
    return {
      filter: {
        filter: ({ tokens }, candidates) =>
          enableFiltering
            ? candidates.filter((candidate) => fits(ranges.of(candidate), tokens.inputTokens))
            : candidates,
      },
      scorer: {
        score: ({ tokens }, candidates, ratings) => rateByRange(ranges, tokens.inputTokens, candidates, ratings),
      },
    };
  },
});

/** Tokens, both bounds included. */
interface LengthRange {
  readonly min: number;
  readonly max: number;
}

/** What an endpoint's label says. */
type Labelled = LengthRange | "none" | "malformed";

/** Reads a label once for each set of labels: endpoints keep theirs from decision to decision. */
class RangeLabels {
  readonly #label: string;
  readonly #read = new WeakMap<Endpoint["labels"], Labelled>();

  constructor(label: string) {
    this.#label = label;
  }

  of({ labels }: Endpoint): Labelled {
    const known = this.#read.get(labels);
    if (known !== undefined) return known;
    const read = Object.hasOwn(labels, this.#label) ? parseRange(labels[this.#label] ?? "") : "none";
    this.#read.set(labels, read);
    return read;
  }
}

function parseRange(text: string): Labelled {
  const [, min, max] = /^\s*(\d{1,15})\s*-\s*(\d{1,15})\s*$/.exec(text) ?? [];
  const range = { min: Number(min), max: Number(max) };
  return range.min <= range.max ? range : "malformed";
}

function fits(labelled: Labelled, inputTokens: number): boolean {
  if (typeof labelled === "string") return labelled === "none";
  return distance(labelled, inputTokens) === 0;
}

function rateByRange(
  ranges: RangeLabels,
  inputTokens: number,
  candidates: readonly Endpoint[],
  { raw, score }: Ratings,
): void {
  for (let i = 0; i < candidates.length; i++) {
    const labelled = ranges.of(candidates[i] as Endpoint);
    if (typeof labelled === "string") score[i] = labelled === "none" ? 0.5 : 0;
    else {
      raw[i] = distance(labelled, inputTokens);
      score[i] = rateRange(labelled, inputTokens);
    }
  }
}

function distance({ min, max }: LengthRange, inputTokens: number): number {
  return Math.max(0, min - inputTokens, inputTokens - max);
}

function rateRange(range: LengthRange, inputTokens: number): number {
  const outside = distance(range, inputTokens);
  if (outside > 0) return 0.3 / (1 + outside / 1000);
  const width = range.max - range.min;
  if (width === 0) return 1;
  return 0.3 + 0.7 * (0.7 / (1 + width / 10_000) + (0.3 * (range.max - inputTokens)) / width);
}
