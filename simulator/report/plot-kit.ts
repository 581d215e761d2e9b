import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escapeHtml } from "./escape-html.ts";

/** One plot of a report. */
export interface ReportPlot {
  /** Anchor in the page. */
  readonly id: string;
  readonly title: string;
  /** How to read it. */
  readonly caption: string;
  /** SVG elements, one below the other, each with a heading of its own or none. */
  readonly panels: readonly { readonly heading: string; readonly svg: string }[];
  /** Takes the whole width of the page. */
  readonly isWide?: boolean;
  /** Whether its colors stand for policies. */
  readonly hasPolicies?: boolean;
}

/** Colors and signs that a reader tells apart whatever colors they see; more policies begin anew, with dashed lines. */
const colors = 8;

const { document } = parseHTML("<!doctype html><html><body></body></html>");

/** The color of the policy at a place, as CSS that follows the page's light or dark scheme. */
export function policyColor(at: number): string {
  return `var(--policy-${at % colors})`;
}

/** Dashes of the policy at a place: none for the first eight. */
export function policyDash(at: number): string {
  return ["none", "6 3", "2 3"][Math.floor(at / colors) % 3] ?? "none";
}

/** Draws a plot as SVG text; `label` is what screen readers say. Colors are literal CSS. */
export function draw(label: string, options: Plot.PlotOptions): string {
  const svg = Plot.plot({
    document,
    width: 640,
    height: 300,
    marginLeft: 60,
    marginBottom: 42,
    marginTop: 24,
    marginRight: 24,
    style: { fontSize: "12px", overflow: "visible" },
    color: { type: "identity" },
    ...options,
  });
  // Put in here, since the serializer leaves some signs of attributes as they are.
  return String(svg.outerHTML).replace("<svg ", () => `<svg role="img" aria-label="${escapeHtml(label)}" `);
}

/** A line at zero. */
export function zeroX(): Plot.Markish {
  return Plot.ruleX([0], { stroke: "currentColor", strokeOpacity: 0.6 });
}

/**
 * A logarithmic axis in ms that has a label at every tick of `logTicks(values)`. Of scales to the base of ten the library leaves out labels of
 * ticks far from a power of ten, depending on how many it would draw itself; the base changes nothing else.
 */
export function logMsScale(values: readonly number[]): Plot.ScaleOptions {
  return { type: "log", base: 1000.5, ticks: logTicks(values), tickFormat: formatMsTick };
}

/** Ticks of an axis in ms: "50 ms", "2 s". */
export function formatMsTick(ms: number): string {
  if (ms >= 1000) return `${Number((ms / 1000).toPrecision(3))} s`;
  return `${Number(ms.toPrecision(3))} ms`;
}

/** Ticks of a logarithmic axis that spans `values`, none outside: powers of ten and parts of them, or equal steps where it spans little. */
export function logTicks(values: readonly number[]): number[] {
  const known = values.filter((value) => value > 0 && Number.isFinite(value));
  if (known.length === 0) return [];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  if (high / low < 4) return equalTicks(low, high);
  const steps = high / low > 300 ? [1] : high / low > 30 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const step of steps) ticks.push(Number((step * 10 ** power).toPrecision(3)));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

function equalTicks(low: number, high: number): number[] {
  if (high - low < low * 1e-9) return [low];
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * power).find((size) => size >= rough) ?? power;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
