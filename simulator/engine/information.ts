import { measuredCost } from "./decision-cost.ts";
import type { Information, ScrapeQuality } from "./options.ts";

/** What pickers know unless told otherwise. */
export const defaultInformation: Information = {
  scrapeMs: 50,
  delayMs: 0,
  jitterMs: 0,
  lossRatio: 0,
  endpoints: [],
  pickers: 1,
  decisionCost: measuredCost,
  oracleLengths: false,
  eagerSamples: false,
};

/** The information of a run, with the defaults put in. Throws RangeError naming the field that is out of range. */
export function readInformation(given: Partial<Information> = {}): Information {
  const information = { ...defaultInformation, ...given };
  const { pickers, endpoints } = information;
  checkQuality(information);
  for (const own of endpoints) checkQuality({ ...information, ...own });
  if (!Number.isSafeInteger(pickers) || pickers < 1) throw fieldError("pickers", pickers, "a whole number from 1");
  for (const [name, us] of Object.entries(information.decisionCost ?? {})) {
    if (!isTime(us)) throw fieldError(`decisionCost.${name}`, us, "a finite number from 0");
  }
  return information;
}

/** How the metrics of one endpoint reach the pickers. */
export function qualityOf(
  { endpoints, scrapeMs, delayMs, jitterMs, lossRatio }: Information,
  at: number,
): ScrapeQuality {
  return { scrapeMs, delayMs, jitterMs, lossRatio, ...endpoints[at] };
}

function checkQuality({ scrapeMs, delayMs, jitterMs, lossRatio }: ScrapeQuality): void {
  if (!(scrapeMs > 0)) throw fieldError("scrapeMs", scrapeMs, "a number above 0");
  if (!isTime(delayMs)) throw fieldError("delayMs", delayMs, "a finite number from 0");
  if (!isTime(jitterMs)) throw fieldError("jitterMs", jitterMs, "a finite number from 0");
  if (!(lossRatio >= 0 && lossRatio <= 1)) throw fieldError("lossRatio", lossRatio, "0 to 1");
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function fieldError(name: string, found: unknown, expected: string): RangeError {
  return new RangeError(`Cannot simulate with "${name}": ${String(found)}, expected ${expected}`);
}
