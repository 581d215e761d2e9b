import { printableText } from "../lib/printable-text.ts";
import type { PageFinding } from "./page-findings.ts";
import { type Observation, pagesOf, type RankLoad } from "./observation.ts";
import { spreadOf } from "./spread.ts";

/** Age at which a sample counts as old: the default of --metrics-staleness-threshold. */
const staleMs = 2000;
/** Half of the time that a scrape has. */
const slowMs = 500;
/** Half of what is read of a page. */
const largeBytes = 2 * 1024 * 1024;
const fullRatio = 0.99;

/** What all reads of an endpoint together say: values that stand still or do not fit each other, sizes and times. */
export function findInReads(observation: Observation): PageFinding[] {
  const pages = pagesOf(observation);
  const ranks = new Set(pages.flatMap(({ facts }) => facts.ranks.map(({ rank }) => rank)));
  return [
    ...[...ranks].flatMap((rank) =>
      findOnRank(
        pages.flatMap(({ facts }) => facts.ranks.find((load) => load.rank === rank) ?? []),
        { isTotal: observation.engine.metrics.runningIsTotal === true },
      ),
    ),
    ...findFrozen(observation),
    ...findTimestamps(observation),
    ...findCost(observation),
  ];
}

function findOnRank(loads: readonly RankLoad[], { isTotal }: { readonly isTotal: boolean }): PageFinding[] {
  const rank = loads[0]?.rank ?? "";
  const where = rank === "" ? "" : `rank ${printableText(rank, 20)}: `;
  const always = (holds: (load: RankLoad) => boolean): boolean => loads.every(holds);
  const found: PageFinding[] = [];
  if (!isTotal && always((load) => load.waitingRequests > 0 && load.runningRequests === 0)) {
    found.push({
      severity: "warning",
      code: "queue-without-running",
      message: `${where}requests wait and none runs, in every read`,
      advice: "look whether the engine is stuck, asleep, or still loading its model",
    });
  }
  if (!isTotal && always((load) => load.kvCacheRatio === 0 && load.runningRequests > 0)) {
    found.push({
      severity: "warning",
      code: "kv-empty-while-running",
      message: `${where}KV use is 0 while requests run, in every read`,
      advice: "look whether the KV metric is the right one for this engine and version",
    });
  }
  if (loads.length > 1 && always((load) => load.kvCacheRatio > fullRatio)) {
    found.push({
      severity: "warning",
      code: "kv-full",
      message: `${where}KV use is above ${fullRatio} in every read`,
      advice: "the server preempts or queues; add servers, or look whether the metric counts cached blocks as used",
    });
  }
  return found;
}

/** An engine that runs requests changes its page with every step. */
function findFrozen(observation: Observation): PageFinding[] {
  const pages = pagesOf(observation);
  const isSame = new Set(pages.map(({ facts }) => facts.digest)).size === 1;
  const isBusy = pages.every(({ facts }) => facts.ranks.some((load) => load.runningRequests > 0));
  if (pages.length < 2 || !isSame || !isBusy) return [];
  return [
    {
      severity: "warning",
      code: "page-frozen",
      message: `${pages.length} reads gave the same page to the byte while requests run`,
      advice: "look for a cache before the page, or an engine that has stopped",
    },
  ];
}

function findTimestamps(observation: Observation): PageFinding[] {
  const ageMs = sampleAgeMs(observation);
  if (ageMs === undefined || (ageMs <= staleMs && ageMs >= -staleMs)) return [];
  const seconds = (Math.abs(ageMs) / 1000).toFixed(1);
  if (ageMs > 0) {
    return [
      {
        severity: "warning",
        code: "timestamps-old",
        message: `the newest sample on the page carries a timestamp ${seconds} s before the read`,
        advice: "read the server itself, not a collector; compare the clocks of both machines",
      },
    ];
  }
  const message = `the newest sample on the page carries a timestamp ${seconds} s after the read`;
  return [{ severity: "warning", code: "timestamps-ahead", message, advice: "compare the clocks of both machines" }];
}

/** Age of the newest timestamp on the last page when it was asked for; undefined for pages without timestamps. */
export function sampleAgeMs({ reads }: Observation): number | undefined {
  const last = reads.findLast(({ result }) => result.kind === "page");
  if (last?.result.kind !== "page") return undefined;
  const ageMs = last.startedWallMs - last.result.facts.newestTimestampMs;
  return Number.isFinite(ageMs) ? ageMs : undefined;
}

function findCost(observation: Observation): PageFinding[] {
  const found: PageFinding[] = [];
  const good = observation.reads.filter(({ result }) => result.kind === "page");
  const times = spreadOf(good.map(({ durationMs }) => durationMs));
  if (times !== undefined && times.mean >= slowMs) {
    found.push({
      severity: "warning",
      code: "slow-page",
      message: `a page takes ${times.mean.toFixed(0)} ms on average; a scrape ends after 1000 ms`,
      advice: "look at the load of the server's API process and at the way to it",
    });
  }
  const bytes = spreadOf(pagesOf(observation).map(({ reading }) => reading.bytes));
  if (bytes !== undefined && bytes.max > largeBytes) {
    found.push({
      severity: "warning",
      code: "large-page",
      message: `the page has ${(bytes.max / 1024 / 1024).toFixed(1)} MiB; above 4 MiB it is refused`,
      advice: "drop metrics with many labels on the server",
    });
  }
  return found;
}
