import type { RequestTable } from "../engine/request-table.ts";
import { RequestTableBuilder } from "../traces/request-table-builder.ts";
import { recordedChain } from "./recorded-request.ts";
import { arrivalOf, type RecordedRequest, type RecordedRun } from "./recorded-run.ts";

/** The requests of a recording as a load. */
export interface RecordedLoad {
  readonly requests: RequestTable;
  /** What a user should know of how it was read, each a sentence. */
  readonly notes: readonly string[];
}

/** Tokens of an answer of which nothing was reported, where no answer was. */
const unknownAnswerTokens = 128;
const bytesPerToken = 4;

/**
 * Reads the requests of a recording, refused ones too, since they were part of the load; the first arrives at 0. Lengths are those
 * that responses reported; where none did, an answer has the mean length of the others. Throws an error that names the
 * recording when it has no request.
 */
export function readRecordedLoad(run: RecordedRun): RecordedLoad {
  const { requests, adapters } = run;
  if (requests.length === 0) {
    const { files, header } = run;
    const found = header.source === "watch" ? "samples alone, recorded beside another picker" : "no request";
    throw new Error(`Cannot simulate recording "${files[0]}": found ${found}, expected decisions of a picker`);
  }
  const blockTokens = requests.find(({ pick }) => pick.blockTokens !== undefined)?.pick.blockTokens ?? 64;
  const builder = new RequestTableBuilder(blockTokens, "model");
  const reported = requests.flatMap(({ done }) => done?.outputTokens ?? []);
  const mean = reported.reduce((sum, tokens) => sum + tokens, 0) / reported.length;
  const usual = reported.length === 0 ? unknownAnswerTokens : Math.max(1, Math.round(mean));
  const startMs = Math.min(...requests.slice(0, 1000).map(({ pick }) => arrivalOf(pick)));
  for (const request of requests) addRequest(builder, request, { startMs, usual, blockTokens, adapters });
  return { requests: builder.build(), notes: notesOf(run, reported.length, usual) };
}

function addRequest(
  builder: RequestTableBuilder,
  { pick, done }: RecordedRequest,
  context: {
    readonly startMs: number;
    readonly usual: number;
    readonly blockTokens: number;
    readonly adapters: ReadonlySet<string>;
  },
): void {
  const { model, targetModel = model, maxOutputTokens, priority } = pick;
  const promptTokens = promptTokensOf({ pick, done });
  const bound = maxOutputTokens ?? Number.POSITIVE_INFINITY;
  builder.add({
    arrivalMs: Math.max(0, arrivalOf(pick) - context.startMs),
    promptTokens,
    outputTokens: Math.max(1, done?.outputTokens ?? Math.min(context.usual, bound)),
    model: targetModel,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(priority !== undefined && { priority }),
    ...(context.adapters.has(targetModel) && { adapter: targetModel }),
  });
  const chain = recordedChain(pick);
  if (chain === undefined || chain.blockTokens !== context.blockTokens || chain.chainEnds !== undefined) return;
  const { words } = chain;
  // A block of which a part is missing is no full one.
  const full = Math.min(words.length / 2, Math.floor(promptTokens / context.blockTokens));
  builder.addBlocks(Array.from({ length: full }, (_, i) => contentOf(words, i)));
}

/** As the response said; as it was estimated where none did. */
function promptTokensOf({ pick, done }: Pick<RecordedRequest, "pick" | "done">): number {
  return Math.max(1, done?.promptTokens ?? pick.promptTokens ?? Math.ceil(pick.promptBytes / bytesPerToken));
}

/** 53 bits of a hash, as a whole number. */
function contentOf(words: Uint32Array, block: number): number {
  return (words[2 * block] as number) + ((words[2 * block + 1] as number) & 0x1fffff) * 4_294_967_296;
}

function notesOf({ report, requests }: RecordedRun, reported: number, usual: number): readonly string[] {
  const silent = requests.length - reported;
  return [
    ...report.bad.map(({ file, line, problem }) => `${file}:${line}: ${problem}`),
    ...(report.skipped > 0 ? [`${report.skipped} lines in all could not be used.`] : []),
    ...(report.dropped > 0 ? [`The recorder dropped ${report.dropped} lines.`] : []),
    ...(silent > 0 ? [`${silent} answers of unknown length are taken to have ${usual} tokens.`] : []),
  ];
}
