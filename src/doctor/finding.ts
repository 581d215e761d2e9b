/**
 * - `error`: the picker cannot use the endpoint or one of its signals
 * - `warning`: it can, but what it reads is suspicious or may mislead it
 * - `note`: worth knowing, nothing to do
 */
export type Severity = "error" | "warning" | "note";

/** What a finding is about; stable, for programs. */
export type FindingCode =
  | "kind-absent"
  | "kind-unanswered"
  | "right-missing"
  | "rights-unknown"
  | "pool-missing"
  | "pool-invalid"
  | "pool-unanswered"
  | "pods-unanswered"
  | "pod-excluded"
  | "pod-refused"
  | "no-endpoints"
  | "unreachable"
  | "flaky"
  | "slow-page"
  | "large-page"
  | "engine-mismatch"
  | "engine-unknown"
  | "metric-absent"
  | "metric-unusable"
  | "metric-is-counter"
  | "metric-is-total"
  | "lines-rejected"
  | "series-ignored"
  | "adapters-absent"
  | "block-size-unknown"
  | "kv-unweighted"
  | "queue-without-running"
  | "kv-empty-while-running"
  | "kv-full"
  | "page-frozen"
  | "timestamps-old"
  | "timestamps-ahead"
  | "same-page"
  | "engines-mixed"
  | "models-mixed"
  | "block-sizes-mixed";

/** One thing that was found. */
export interface Finding {
  readonly severity: Severity;
  readonly code: FindingCode;
  /** Ids of the endpoints or pods it is about, in the order of file or list; empty for the pool as a whole. */
  readonly endpoints: readonly string[];
  /** What was found. Printable ASCII: text of pages and servers is made fit for a terminal. */
  readonly message: string;
  /** What to do about it; absent for notes that need nothing. */
  readonly advice?: string;
}

const order: readonly Severity[] = ["error", "warning", "note"];

/** Errors first, then warnings, then notes; what is equal for several endpoints becomes one finding. */
export function mergeFindings(findings: readonly Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of findings) {
    const { severity, code, message, advice = "" } = finding;
    const key = JSON.stringify([severity, code, message, advice]);
    const before = merged.get(key);
    merged.set(key, before ? { ...before, endpoints: [...before.endpoints, ...finding.endpoints] } : finding);
  }
  return [...merged.values()].toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}
