import { readFileSync } from "node:fs";

/** One endpoint of a case and the metrics page that it serves. */
export interface RecordedPod {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly metrics: string;
  /** HTTP status of the page; default 200. */
  readonly status?: number;
}

/** A request with its recorded answer: `scores` by pod name and `destination`, or `error` as `STATUS BODY`. */
export interface RecordedRequest {
  readonly op: "request";
  readonly id: string;
  readonly path: string;
  /** JSON in which `{"$concat": [[text, n], ...]}` stands for a long string. */
  readonly body: unknown;
  /** Names of the only candidates; all pods when absent. */
  readonly subset?: readonly string[];
  /** Stays open until a later step ends it. */
  readonly hold?: boolean;
  readonly scores?: Readonly<Record<string, number | "NaN">>;
  readonly destination?: string;
  readonly error?: string;
}

/** One step of a case; test/fixtures/parity/README.md says what each means. */
export type RecordedStep =
  | RecordedRequest
  | { readonly op: "metrics"; readonly pods: readonly RecordedPod[] }
  | { readonly op: "first_chunk" | "finish" | "cancel"; readonly id: string };

/** One recorded run of the reference picker. */
export interface RecordedCase {
  readonly id: string;
  readonly config_name: string;
  readonly config: string;
  readonly tags: readonly string[];
  readonly note: string;
  readonly pods: readonly RecordedPod[];
  readonly steps: readonly RecordedStep[];
}

/** Every recorded case, in the order of the file. */
export function readRecordedCases(): readonly RecordedCase[] {
  const text = readFileSync(new URL("../fixtures/parity/scores.jsonl", import.meta.url), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { tags = [], note = "", ...rest } = JSON.parse(line) as Partial<RecordedCase>;
      return { ...rest, tags, note } as RecordedCase;
    });
}

/** The body of a recorded request as the client sent it. */
export function bodyOf(request: RecordedRequest): Buffer {
  return Buffer.from(JSON.stringify(request.body, (_key, value: unknown) => expand(value)));
}

function expand(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("$concat" in value)) return value;
  const parts = value.$concat as readonly (readonly [text: string, count: number])[];
  return parts.map(([text, count]) => text.repeat(count)).join("");
}
