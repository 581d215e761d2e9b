import type { DecisionsPage } from "../decisions/decisions-page.ts";
import type { Column } from "./text-table.ts";

/** A decision in short, as a picker's page has it. */
export type DecisionRow = DecisionsPage["decisions"][number];

const choices: Readonly<Record<DecisionRow["choice"], string>> = {
  "only-candidate": "only one",
  "greatest-total": "greatest",
  tie: "tie",
  chance: "chance",
  none: "-",
};

/** The columns of the table of decisions, left to right; `namespace` is left out of the ids of endpoints. */
export function decisionColumns(namespace: string | undefined): readonly Column<DecisionRow>[] {
  return [
    { title: "time", align: "left", width: 12, importance: 70, cell: ({ decidedAt }) => decidedAt.slice(11, 23) },
    { title: "request id", align: "left", width: 13, grows: true, importance: 100, cell: ({ requestId }) => requestId },
    { title: "endpoint", align: "left", width: 14, grows: true, importance: 95, cell: (row) => where(row, namespace) },
    { title: "model", align: "left", width: 10, grows: true, importance: 90, cell: ({ model }) => model ?? "-" },
    { title: "margin", align: "right", width: 7, importance: 85, cell: ({ margin }) => points(margin) },
    { title: "choice", align: "left", width: 8, importance: 80, cell: ({ choice }) => choices[choice] },
    { title: "total", align: "right", width: 7, importance: 40, cell: ({ total }) => points(total) },
    { title: "of", align: "right", width: 4, importance: 35, cell: ({ candidates }) => `${candidates}` },
  ];
}

function where({ endpoint, status, reason }: DecisionRow, namespace: string | undefined): string {
  if (status !== null) return `refused: ${status} ${reason ?? ""}`;
  if (endpoint === null) return "-";
  const isShort = namespace !== undefined && endpoint.startsWith(`${namespace}/`);
  return isShort ? endpoint.slice(namespace.length + 1) : endpoint;
}

const pointColumns = 7;

/** A number in 7 columns, with as many of three digits behind the point as there is room for. */
function points(value: number | null): string {
  if (value === null) return "-";
  for (let digits = 3; digits >= 0; digits--) {
    const text = value.toFixed(digits);
    if (text.length <= pointColumns) return text;
  }
  return value.toExponential(1);
}
