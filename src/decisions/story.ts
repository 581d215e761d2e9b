import { printableText } from "../lib/printable-text.ts";
import type { DecisionRecord, RemovalRecord } from "./decision-record.ts";
import { candidateTable } from "./story-table.ts";
import { formatNumber, wrapped } from "./story-text.ts";

/** Endpoints that are named of each step that removed some; the others are counted. */
const namedRemovals = 5;

/** A decision as a story for people, in ASCII, no line longer than 100 columns; ends without a line break. */
export function tellDecision(record: DecisionRecord): string {
  const { requestId, sequence } = record;
  const paragraphs = [
    [`Request ${requestId === "" ? "without an id" : shown(requestId, 80)}`, ...aboutRequest(record), ...when(record)],
    [...tellOutcome(record), ...tellChoice(record), ...tellPrefix(record)],
    candidateTable(record),
    tellRemovals(record),
  ];
  const text = paragraphs.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return [...text, `Decision ${sequence}; --json prints all of it.`].join("\n\n");
}

function aboutRequest({ request }: DecisionRecord): string[] {
  if (request === null) return [];
  const { api, model, targetModel, promptBytes, promptTokens, priority, objective, fairnessId } = request;
  const renamed = targetModel === model ? "" : `, sent as ${shown(targetModel)}`;
  const tokens = promptTokens === null ? "" : `, about ${promptTokens} tokens`;
  const parts = [
    `${api}${model === "" ? "" : ` for ${shown(model)}${renamed}`}, ${promptBytes} bytes of prompt${tokens}`,
    ...(priority === 0 && objective === ""
      ? []
      : [`priority ${priority}${objective === "" ? "" : ` (${shown(objective)})`}`]),
    ...(fairnessId === "" ? [] : [`fairness id ${shown(fairnessId)}`]),
  ];
  return wrapped(parts.join(", "), "  ");
}

function when({ arrivedAt, arrivedAtMs, decidedAt, decidedAtMs, profile, configRevision }: DecisionRecord): string[] {
  const by = `by ${profile === null ? "" : `profile ${shown(profile)} of `}config ${configRevision}`;
  if (arrivedAt === null || arrivedAtMs === null) return wrapped(`decided ${decidedAt} ${by}`, "  ");
  return wrapped(`arrived ${arrivedAt}, decided ${formatNumber(decidedAtMs - arrivedAtMs)} ms later ${by}`, "  ");
}

function tellOutcome({ outcome, candidates, picked, margin }: DecisionRecord): string[] {
  if (outcome.kind === "rejected") {
    const by = outcome.by === null ? "" : ` Refused by ${shown(outcome.by.name)} (${shown(outcome.by.type)}).`;
    const text = `Refused with status ${outcome.status}, ${outcome.reason}: ${shown(outcome.message, 200)}.${by}`;
    return wrapped(text);
  }
  const winner = candidates.find(({ id }) => id === picked[0]);
  if (winner === undefined) return wrapped(`Sent to ${shown(outcome.destination)}.`);
  const [rival] = candidates.filter(({ id }) => id !== winner.id).toSorted((a, b) => (b.total ?? 0) - (a.total ?? 0));
  return wrapped(
    `Sent to ${shown(winner.id)} (${shown(winner.address)}): total ${points(winner.total)}${
      rival === undefined || margin === null ? "" : comparedWith(rival.id, margin)
    }.`,
  );
}

function comparedWith(rival: string, margin: number): string {
  if (margin === 0) return `, level with ${shown(rival)}`;
  return `, ${points(Math.abs(margin))} ${margin > 0 ? "ahead of" : "behind"} ${shown(rival)}`;
}

function tellChoice({ choice, candidates, picked, draws, picker }: DecisionRecord): string[] {
  const drawn = `${draws.length === 1 ? "draw" : "draws"} ${draws.slice(0, 4).map(formatNumber).join(", ")}${draws.length > 4 ? ", ..." : ""}`;
  switch (choice) {
    case "only-candidate":
      return ["It was the only candidate."];
    case "tie": {
      const total = candidates.find(({ id }) => id === picked[0])?.total;
      const tied = candidates.filter((candidate) => candidate.total === total).length;
      return wrapped(`${tied} candidates had the greatest total; chance chose among them (${drawn}).`);
    }
    case "chance":
      return wrapped(
        `Chance chose: ${shown(picker?.type ?? "")}, ${odds(candidates, picked[0], picker?.type)}${drawn}.`,
      );
    case "greatest-total":
    case "none":
      return [];
  }
}

/** How likely the pick was before chance chose, where the picker's type tells. */
function odds(candidates: DecisionRecord["candidates"], picked: string | undefined, type: string | undefined): string {
  const weights = candidates.map(({ id, total }) => ({
    id,
    weight: type === "random-picker" ? 1 : Math.max(0, total ?? 0),
  }));
  if (type !== "random-picker" && type !== "weighted-random-picker") return "";
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  const own = weights.find(({ id }) => id === picked)?.weight ?? 0;
  const share = sum === 0 ? 1 / weights.length : own / sum;
  return `with odds of ${(share * 100).toFixed(1)} %, `;
}

function tellPrefix({ findings, outcome }: DecisionRecord): string[] {
  if (outcome.kind !== "forwarded") return [];
  return findings
    .filter(({ totalBlocks }) => totalBlocks > 0)
    .flatMap(({ producer, totalBlocks, blockSizeTokens, matchedBlocks }) =>
      wrapped(
        `${shown(producer)}: ${matchedBlocks} of ${totalBlocks} blocks of ${blockSizeTokens} tokens were sent there before.`,
      ),
    );
}

function tellRemovals({ removals, pool }: DecisionRecord): string[] {
  const told = removals.filter(({ removed }) => removed.length > 0);
  if (told.length === 0) return [];
  return [`Removed before rating, of ${pool.endpoints} endpoints:`, ...told.flatMap(tellRemoval)];
}

const withoutPlugin: Readonly<Record<string, string>> = {
  "subset-hint": "not in the host's subset hint",
  "last-resort": "refuse connections, last resort",
  "slow-start": "so that newcomers keep to their share",
};

function tellRemoval({ step, by, looksAt, removed }: RemovalRecord): string[] {
  const value = looksAt === null ? "" : `, by ${shown(looksAt)}`;
  const type = by === null || by.type === by.name ? "" : ` (${shown(by.type)})`;
  const who = by === null ? (withoutPlugin[step] ?? step) : `${step} ${shown(by.name)}${type}${value}`;
  const named = removed.slice(0, namedRemovals).map(({ id, address, found }) => {
    const seen = found === null ? "" : `: ${typeof found === "number" ? formatNumber(found) : shown(found)}`;
    return `    ${shown(id, 50)} (${shown(address, 30)})${seen}`.slice(0, 100);
  });
  const rest = removed.length - named.length;
  return [...wrapped(`${who}:`, "  "), ...named, ...(rest > 0 ? [`    and ${rest} more`] : [])];
}

function points(total: number | null): string {
  return total === null ? "unknown" : total.toFixed(3);
}

function shown(text: string, maxLength = 60): string {
  return printableText(text, maxLength);
}
