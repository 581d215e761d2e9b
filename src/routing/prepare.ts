import type { Denial } from "../scheduling/denial.ts";
import type { SchedulingPlan } from "../scheduling/plan.ts";
import type { HeaderPairs } from "../scheduling/roles.ts";
import type { Picked } from "../scheduling/schedule.ts";
import { type Reject, reasonOfCode, reject } from "./decision.ts";

/** What goes onto a request that has its endpoint. */
export interface Prepared {
  readonly kind: "prepared";
  /** Addresses joined by a bare comma, best first (protocol 2). */
  readonly destination: string;
  readonly headers: HeaderPairs;
}

/**
 * Asks every preparer of the plan, also after one denied (protocol 1.10). One denial keeps its code; several, or one that
 * throws, are 500.
 */
export function prepare(plan: SchedulingPlan, { cycle, endpoints }: Picked): Prepared | Reject {
  if (plan.preparers.length === 0)
    return { kind: "prepared", destination: destinationOf(plan, endpoints), headers: [] };
  const headers: (readonly [string, string])[] = [];
  const denials: Denial[] = [];
  let failure: unknown;
  for (const { preparer } of plan.preparers) {
    try {
      const prepared = preparer.prepare(cycle, endpoints[0]);
      if ("kind" in prepared) denials.push(prepared);
      else headers.push(...prepared);
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  const [denial, second] = denials;
  if (second !== undefined) {
    return reject("rejected-internal", denials.map(({ code, message }) => `${code}: ${message}`).join("; "));
  }
  if (denial !== undefined) return reject(reasonOfCode[denial.code], denial.message);
  return { kind: "prepared", destination: destinationOf(plan, endpoints), headers };
}

/** A handler with addresses of its own sends headers that hold for the first endpoint alone: there is no list then. */
function destinationOf({ handler: { handler } }: SchedulingPlan, endpoints: Picked["endpoints"]): string {
  const first = endpoints[0];
  const own = handler.address?.(first);
  if (own !== undefined) return own;
  return endpoints.length === 1 ? first.address : endpoints.map(({ address }) => address).join(",");
}
