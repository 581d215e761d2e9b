import { outcomes } from "../engine/simulation-run.ts";
import type { ArmRun } from "./anchor.ts";

const completed = outcomes.indexOf("completed");

/** Reads a figure of the run of one load. */
export function ofRun(at: number, read: (run: ArmRun) => number): (runs: readonly ArmRun[]) => number {
  return (runs) => read(runs[at] as ArmRun);
}

/** Tokens of the answers that end in the second half of the time in which requests arrive, over that time: without the start and the emptying pool. */
export function steadyOutput({ run, cutMs }: ArmRun): number {
  const { requests, outcome, lastTokenMs } = run;
  const untilMs = requests.arrivalMs[requests.count - 1] as number;
  const fromMs = (cutMs + untilMs) / 2;
  let tokens = 0;
  for (let row = 0; row < requests.count; row++) {
    const atMs = lastTokenMs[row] as number;
    if (outcome[row] === completed && atMs >= fromMs && atMs < untilMs) tokens += requests.outputTokens[row] as number;
  }
  return (tokens * 1000) / (untilMs - fromMs);
}

/** The greatest rate of the loads, which are in ascending order of it, up to which TTFT p90 is at most `ttftMs`; 0: not even the first. */
export function kneeRate(runs: readonly ArmRun[], rates: readonly number[], ttftMs: number): number {
  const first = runs.findIndex(({ summary }) => summary.ttftMs.p90 > ttftMs);
  return rates[(first < 0 ? runs.length : first) - 1] ?? 0;
}

/** Share of the requests whose last token came before the client's patience ended, per cent. */
export function successPercent({ summary: { requests, unfinished, refused, failed } }: ArmRun): number {
  return (100 * (requests - unfinished - refused - failed)) / requests;
}
