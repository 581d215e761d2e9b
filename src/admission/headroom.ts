import { z } from "../lib/schema.ts";
import type { Caution } from "../scheduling/plugin.ts";

/** How far an endpoint may go beyond its threshold before the filter drops it, as a fraction; 0 and above, default 0. */
export const headroom = z.number().min(0).max(1e6).default(0);

/** Warns of a headroom that looks like percent. */
export function cautionHeadroom(parameters: { readonly headroom: number }): Caution | undefined {
  if (parameters.headroom <= 1) return undefined;
  const message = "endpoints may go beyond twice their threshold, expected a fraction such as 0.2";
  return { parameter: "headroom", message };
}
