import { decodeDocument, formatProblems } from "../../src/lib/document.ts";
import { jsonText } from "../../src/lib/json-text.ts";
import { z } from "../../src/lib/schema.ts";
import { fittedNames } from "../metrics/fit-coefficients.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import { presetConfig, presetNames } from "../replica/presets.ts";

const positive = z.number().positive();
const fromZero = z.number().min(0);

const qualitySchema = z.strictObject({
  /** The record, as it was given. */
  source: z.string(),
  /** Stretches that were fitted, and those held out. */
  intervals: z.int().min(0),
  heldOut: z.int().min(0),
  rSquared: z.number(),
  /** Mean of |predicted - recorded| / recorded step time over the last fifth of the time. */
  heldOutError: fromZero,
  conditionNumber: fromZero,
  /** Coefficients that stayed at the floor of the hardware. */
  atFloor: z.array(z.enum(fittedNames)),
});

const fittedSchema = z.strictObject({
  kind: z.literal("epp-coefficients"),
  schemaVersion: z.literal(1),
  /** Where limits of the batch and times beside steps are from. */
  preset: z.enum(presetNames as readonly [string, ...string[]]),
  coefficients: z.strictObject({
    baseMs: positive,
    perRequestUs: fromZero,
    perContextTokenUs: fromZero,
    perPrefillTokenUs: fromZero,
    /** 0 of a fit: what attention takes is in `perPrefillTokenUs`. */
    attentionNs: fromZero,
  }),
  /** Absent: as the preset has them. */
  kvTokens: z.int().min(1).optional(),
  blockSizeTokens: z.int().min(1).optional(),
  /** How well they were fitted, and to what; absent: nobody fitted them. */
  fit: qualitySchema.optional(),
});

/** Coefficients of a server that count instead of those of its preset. Plain data; the form of `--coefficients` files. */
export type FittedReplica = z.infer<typeof fittedSchema>;

/** The text of a file of coefficients. */
export function formatCoefficients(fitted: FittedReplica): string {
  return `${jsonText(fitted, 2)}\n`;
}

/** Reads what `formatCoefficients` gave, or a file of the same form in JSON or YAML. Throws TypeError with every problem and its place. */
export function readCoefficients(text: string, file: string): FittedReplica {
  const decoded = decodeDocument(text, { file, schema: fittedSchema });
  if (decoded.kind === "invalid") throw new TypeError(formatProblems(decoded.problems));
  return decoded.value;
}

/** What coefficients put over a preset: themselves and, where they are known, the KV cache and its blocks. */
export function replicaOverrides(preset: string, fitted: FittedReplica | undefined): Partial<ReplicaConfig> {
  if (fitted === undefined) return {};
  const usual = presetConfig(preset);
  const { coefficients, kvTokens = usual.kvTokens, blockSizeTokens = usual.blockSizeTokens } = fitted;
  const wholeBlocks = Math.floor(kvTokens / blockSizeTokens) * blockSizeTokens;
  return { coefficients, kvTokens, blockSizeTokens, maxModelTokens: Math.min(usual.maxModelTokens, wholeBlocks) };
}
