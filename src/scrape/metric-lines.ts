import { parseMetricValue } from "./metric-value.ts";

/** A metric family to keep the lines of. */
export interface WantedFamily {
  readonly name: string;
  /** Keep only the line with the greatest value, the first of equals: for series whose value is the time of their last use. */
  readonly newestOnly: boolean;
}

/** Why a page was not filtered to its end. */
export type PageLimit = "lines" | "wanted-lines";

/** What the filter kept of a page. */
export interface WantedLines {
  /** Sample lines of wanted families, without line feed, in page order per family. */
  readonly byFamily: ReadonlyMap<string, readonly string[]>;
  /** Type of wanted families whose TYPE line was seen, lower case. */
  readonly types: ReadonlyMap<string, string>;
  /** All lines of the page up to where the filter stopped. */
  readonly lineCount: number;
  /** Sample lines of wanted families that were too long to keep. */
  readonly rejectedLines: number;
  readonly exceeded: PageLimit | undefined;
}

/** Lines of a whole page; a page with more is refused (reliability T21). */
export const maxPageLines = 20_000;
/** Kept lines of a page: bounds the work that follows. 64 ranks with 4 families each are 256. */
const maxWantedLines = 1_024;
/** Bytes of all kept lines: bounds the time that their labels can take, to about 15 ms. 1,024 lines of vLLM are 120 KB. */
const maxWantedBytes = 256 * 1024;
/** Bytes of a kept line: bounds the memory that adapter names can take. */
const maxLineBytes = 64 * 1024;

const lineFeed = 0x0a;
const hash = 0x23;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const dot = 0x2e;
const zero = 0x30;
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09;

interface Family extends WantedFamily {
  readonly bytes: Buffer;
}

interface Found {
  readonly lines: string[];
  newest: number;
}

/**
 * Returns a filter that walks a page from line feed to line feed and decodes only the lines of wanted families. Most
 * of a vLLM page is histograms nobody reads, and parsing it whole costs 30 times more than this.
 */
export function createLineFilter(wanted: readonly WantedFamily[]): (page: Buffer) => WantedLines {
  const families = wanted.map((family) => ({ ...family, bytes: Buffer.from(family.name) }));
  // The byte after what all names have in common tells most lines apart at one look.
  const branchAt = commonPrefixLength(families.map(({ bytes }) => bytes));
  const isWholeName = families.filter(({ bytes }) => bytes.length === branchAt);
  const byBranch = Array.from({ length: 256 }, (_, byte) => [
    ...families.filter(({ bytes }) => bytes[branchAt] === byte),
    ...isWholeName,
  ]);
  return (page) =>
    filterLines(page, (start, end) => {
      const candidates = byBranch[page[start + branchAt] ?? 0] ?? [];
      return candidates.length === 0 ? undefined : candidates.find(({ bytes }) => startsWith(page, start, end, bytes));
    });
}

/** The wanted family whose name starts at `start`, followed by a brace or blank before `end`. */
type Match = (start: number, end: number) => Family | undefined;

function filterLines(page: Buffer, match: Match): WantedLines {
  const byFamily = new Map<string, Found>();
  const types = new Map<string, string>();
  let [lineCount, kept, keptBytes, rejectedLines] = [0, 0, 0, 0];
  let exceeded: PageLimit | undefined;
  for (let start = 0; start < page.length && exceeded === undefined; ) {
    const feed = page.indexOf(lineFeed, start);
    const end = feed === -1 ? page.length : feed;
    const at = skipBlanks(page, start, end);
    start = end + 1;
    if (++lineCount > maxPageLines) exceeded = "lines";
    if (page[at] === hash) {
      readType(page, at, end, match, types);
      continue;
    }
    const family = match(at, end);
    if (family === undefined) continue;
    if (end - at > maxLineBytes) {
      rejectedLines++;
      continue;
    }
    let found = byFamily.get(family.name);
    if (found === undefined) byFamily.set(family.name, (found = { lines: [], newest: Number.NaN }));
    kept += keep(page, at, end, family, found);
    if (!family.newestOnly) keptBytes += end - at;
    if (kept > maxWantedLines || keptBytes > maxWantedBytes) exceeded = "wanted-lines";
  }
  const lines = new Map(Array.from(byFamily, ([name, found]) => [name, found.lines]));
  return { byFamily: lines, types, lineCount, rejectedLines, exceeded };
}

/** Returns by how many the number of kept lines grew. */
function keep(page: Buffer, start: number, end: number, family: Family, found: Found): number {
  if (!family.newestOnly) {
    found.lines.push(page.toString("utf8", start, end));
    return 1;
  }
  const value = valueOf(page, start, end);
  const isFirst = found.lines.length === 0;
  const isNewer = value > found.newest || (Number.isNaN(found.newest) && !Number.isNaN(value));
  if (!isFirst && !isNewer) return 0;
  found.newest = value;
  found.lines[0] = page.toString("utf8", start, end);
  return isFirst ? 1 : 0;
}

/** The finite value of a sample line, read from its end without looking at the labels; NaN when there is none. */
function valueOf(page: Buffer, start: number, end: number): number {
  let from = end - 1;
  while (from > start && page[from] !== closeBrace) from--;
  if (from === start) while (from < end && !isBlank(page[from])) from++;
  else from++;
  const at = skipBlanks(page, from, end);
  const plain = plainDecimal(page, at, end);
  if (!Number.isNaN(plain)) return plain;
  const [text = ""] = page.toString("latin1", at, end).trim().split(/[ \t]/, 1);
  return parseMetricValue(text) ?? Number.NaN;
}

/** The number of a text that ends the line as vLLM prints times of this century, such as `1787000000.25`; else NaN. */
function plainDecimal(page: Buffer, start: number, end: number): number {
  let [digits, scale] = [0, 0];
  if (end - start > 15) return Number.NaN;
  for (let at = start; at < end; at++) {
    const byte = page[at] ?? 0;
    if (byte === dot && scale === 0 && at > start) scale = 1;
    else if (byte >= zero && byte <= zero + 9) {
      digits = digits * 10 + (byte - zero);
      scale *= 10;
    } else return Number.NaN;
  }
  return start === end ? Number.NaN : digits / Math.max(1, scale);
}

const typePrefix = Buffer.from("# TYPE ");

function readType(page: Buffer, start: number, end: number, match: Match, types: Map<string, string>): void {
  const nameAt = start + typePrefix.length;
  if (nameAt >= end || page[start + 2] !== 0x54 || !hasBytes(page, start, typePrefix)) return;
  const family = match(nameAt, end);
  if (family === undefined || end - nameAt > maxLineBytes) return;
  const type = page
    .toString("latin1", nameAt + family.bytes.length, end)
    .trim()
    .toLowerCase();
  types.set(family.name, type);
}

function startsWith(page: Buffer, start: number, end: number, name: Buffer): boolean {
  const after = start + name.length;
  if (after >= end || !hasBytes(page, start, name)) return false;
  return page[after] === openBrace || isBlank(page[after]);
}

function hasBytes(page: Buffer, start: number, bytes: Buffer): boolean {
  for (let i = bytes.length - 1; i >= 0; i--) if (page[start + i] !== bytes[i]) return false;
  return true;
}

function skipBlanks(page: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(page[at])) at++;
  return at;
}

function commonPrefixLength(names: readonly Buffer[]): number {
  const [first] = names;
  if (first === undefined) return 0;
  let length = 0;
  while (length < first.length && names.every((name) => name[length] === first[length])) length++;
  return length;
}
