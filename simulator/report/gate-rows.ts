import type { GateResult, GateRow } from "../gate/gate.ts";
import { formatNumber, formatShare } from "./numbers.ts";

/** The gate as a table: a head, then what is known of both sides. */
export function gateRows({ rows }: GateResult): readonly (readonly string[])[] {
  const known = rows.filter(({ error }) => error !== null);
  return [
    ["", "recorded", "simulated", "error", "allowed", ""],
    ...known.map((row) => {
      const { what, recorded, simulated, error, allowed } = row;
      return [what, ...[recorded, simulated, error, allowed].map(numberText), verdictOf(row)];
    }),
  ];
}

/** What the table is called: the verdict. */
export function gateTitle({ policy, passes }: GateResult): string {
  return `Gate: ${policy}, simulated first, ${passes ? "reproduces the record" : "does not reproduce the record"}`;
}

/** What is not in the table, and what follows from it, a sentence each. */
export function gateNotes({ rows, errors, isIgnored, notes }: GateResult): readonly string[] {
  const unknown = rows.filter(({ error, what }) => error === null && what.endsWith("distribution"));
  const { ttftMs, itlMs, e2eMs, greatest } = errors;
  const own = Object.entries({ TTFT: ttftMs, ITL: itlMs, E2E: e2eMs }).flatMap(([name, error]) =>
    error === null ? [] : [`${name} ${formatShare(error)}`],
  );
  const all = greatest === null ? [] : [...own, `others ${formatShare(greatest)}`];
  return [
    ...(unknown.length > 0 ? [`Not known: ${unknown.map(({ what }) => what).join(", ")}.`] : []),
    ...(all.length > 0 && isIgnored !== true
      ? [`Not ranked are differences of policies below the error: ${all.join(", ")}.`]
      : []),
    ...notes,
  ];
}

function numberText(value: number | null): string {
  return value === null ? "" : formatNumber(value);
}

function verdictOf({ passes }: GateRow): string {
  if (passes === null) return "not judged";
  return passes ? "ok" : "too far off";
}
