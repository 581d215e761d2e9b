import { numberText } from "./number-text.ts";

/** A Prometheus histogram that prints itself, anew only after an observation. */
export class Histogram {
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;
  readonly #lineStarts: readonly string[];
  readonly #head: string;
  readonly #sumStart: string;
  readonly #countStart: string;
  #sum = 0;
  #count = 0;
  #bytes: Buffer | undefined = undefined;

  /** `bounds` are upper ends in rising order, without infinity; `labels` is what stands between the braces. */
  constructor(name: string, help: string, bounds: readonly number[], labels: string) {
    this.#bounds = Float64Array.from(bounds);
    this.#counts = new Float64Array(bounds.length + 1);
    this.#head = `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`;
    this.#lineStarts = [...bounds, Number.POSITIVE_INFINITY].map((bound) => bucketStart(name, bound, labels));
    this.#countStart = `${name}_count{${labels}} `;
    this.#sumStart = `${name}_sum{${labels}} `;
  }

  /** Adds one observation, or `times` equal ones. */
  observe(value: number, times = 1): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times;
    this.#sum += value * times;
    this.#count += times;
    this.#bytes = undefined;
  }

  /** Help, type and every line; the same bytes until the next observation. */
  render(): Buffer {
    this.#bytes ??= Buffer.from(this.#print(), "latin1");
    return this.#bytes;
  }

  #print(): string {
    let text = this.#head;
    let below = 0;
    for (const [i, start] of this.#lineStarts.entries()) {
      below += this.#counts[i] ?? 0;
      text += `${start}${below}.0\n`;
    }
    return `${text}${this.#countStart}${this.#count}.0\n${this.#sumStart}${numberText(this.#sum)}\n`;
  }
}

function bucketStart(name: string, bound: number, labels: string): string {
  const [engine, ...rest] = labels.split(",");
  return `${name}_bucket{${[engine, `le="${numberText(bound)}"`, ...rest].join(",")}} `;
}

/** 1, 2, 5, 10, 20, 50, ... up to `largest`, as vLLM chooses the bounds of its token histograms. */
export function oneTwoFive(largest: number): number[] {
  const bounds: number[] = [];
  for (let power = 1; ; power *= 10) {
    for (const digit of [1, 2, 5]) {
      if (digit * power > largest) return bounds;
      bounds.push(digit * power);
    }
  }
}
