import { finiteOrNull } from "../decisions/signals-record.ts";
import type { EndpointSpec } from "../datastore/endpoint.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { Decided } from "../routing/route-request.ts";
import { marginOf } from "../scheduling/explain.ts";
import { type BlockHashes, chainSeed, hashBlocks } from "../scheduling/prefix/block-hash.ts";
import { HashedPrompt } from "../scheduling/producers/approx-prefix-cache.ts";
import type { Scheduled } from "../scheduling/schedule.ts";
import type { RecordedPick } from "./line.ts";

/** What a line takes beside the decision. */
export interface PickContext {
  readonly n: number;
  readonly decidedAtMs: number;
  readonly hashKey: bigint;
  /** Number of an endpoint of the pool. */
  readonly numberOf: (spec: EndpointSpec) => number;
}

/** Names longer than this are cut: whoever sends requests chooses them. */
const maxNameLength = 1024;
/** Blocks of prompts that no producer has hashed. */
const ownBlocks = { tokens: 64, bytesPerToken: 4, max: 2048 };

/** A decision as a line: features of the request, no text of it; the pick and what chance gave. */
export function describePick(decided: Decided, context: PickContext): RecordedPick {
  const { request, arrivedAtMs, pool, allowed, scheduled, decision } = decided;
  const { n, decidedAtMs, numberOf } = context;
  const { inputTokens, outputTokens } = scheduled?.cycle.tokens ?? {};
  return {
    kind: "pick",
    n,
    requestId: cut(request.requestId),
    arrivedAtMs: Number.isNaN(arrivedAtMs) ? null : arrivedAtMs,
    decidedAtMs,
    api: request.kind,
    ...namesOf(request),
    promptBytes: request.promptBytes,
    ...(inputTokens !== undefined && { promptTokens: inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...blocksOf(request, scheduled, context.hashKey),
    ...(allowed !== pool && { allowed: allowed.map(numberOf) }),
    ...verdictOf(scheduled),
    picked: decision.kind === "forward" ? decision.picked.endpoints.map(numberOf) : [],
    ...(decision.kind === "reject" && { reason: decision.reason }),
  };
}

type Names = Pick<
  RecordedPick,
  "model" | "targetModel" | "objective" | "priority" | "fairnessId" | "streaming" | "onlyIfCached" | "maxOutputTokens"
>;

/** What is as usual is left out. */
function namesOf(request: InferenceRequest): Names {
  const { model, targetModel, objective, priority, fairnessId, streaming, onlyIfCached, maxOutputTokens } = request;
  return {
    model: cut(model),
    ...(targetModel !== model && { targetModel: cut(targetModel) }),
    ...(objective !== "" && { objective: cut(objective) }),
    ...(priority !== 0 && { priority }),
    ...(fairnessId !== "" && { fairnessId: cut(fairnessId) }),
    ...(streaming && { streaming }),
    ...(onlyIfCached === true && { onlyIfCached }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  };
}

/** The hashes that the decision was made with, else those of blocks of 64 tokens. */
function blocksOf(
  request: InferenceRequest,
  scheduled: Scheduled | undefined,
  hashKey: bigint,
): Pick<RecordedPick, "blockTokens" | "blocks" | "chainEnds"> {
  let hashes: BlockHashes | undefined;
  let blockTokens = ownBlocks.tokens;
  for (const found of scheduled?.cycle.produced.values() ?? []) {
    if (!(found instanceof HashedPrompt)) continue;
    hashes = found.hashes;
    blockTokens = found.blockSizeTokens;
    break;
  }
  hashes ??= hashBlocks(
    request.prompt,
    blockTokens * ownBlocks.bytesPerToken,
    ownBlocks.max,
    chainSeed(hashKey, request.targetModel, request.cacheSalt),
    request.segments,
  );
  if (hashes.count === 0) return {};
  const { words, count, chainEnds } = hashes;
  const bytes = Buffer.from(words.buffer, words.byteOffset, count * 8);
  return { blockTokens, blocks: bytes.toString("base64"), ...(chainEnds.length > 1 && { chainEnds: [...chainEnds] }) };
}

function verdictOf(scheduled: Scheduled | undefined): Pick<RecordedPick, "draws" | "candidates" | "total" | "margin"> {
  const draws = [...(scheduled?.draws ?? [])];
  const trace = scheduled === undefined || scheduled.kind === "denied" ? undefined : scheduled.trace;
  if (trace === undefined) return { draws, candidates: 0, total: null, margin: null };
  const { candidates, totals, picked } = trace;
  return {
    draws,
    candidates: candidates.length,
    total: finiteOrNull(totals[picked[0] ?? -1]),
    margin: finiteOrNull(marginOf(candidates.length, totals, picked) ?? undefined),
  };
}

function cut(name: string): string {
  return name.length > maxNameLength ? name.slice(0, maxNameLength) : name;
}
