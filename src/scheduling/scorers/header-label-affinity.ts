import type { Endpoint } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { definePlugin, type Ratings } from "../plugin.ts";

const headerName = /^[\w!#$%&'*+.^`|~-]+$/;

const parameters = z.strictObject({
  headerName: z.string().regex(headerName, { error: "expected the name of a request header" }),
  labelKey: z.string().min(1),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Prefers endpoints whose label has the value of a request header: 1, else 0; without the header, or with an empty one, all
 * score 0 (protocol 6.4). Raw: 1 for equal, 0 for another value, NaN where either is missing.
 */
export const headerLabelAffinityScorer = definePlugin<Parameters>({
  type: "header-label-affinity-scorer",
  summary: "Prefers endpoints that have the value of a request header as a label.",
  parameters,
  experimental: true,
  roles: ["scorer"],
  headersRead: (given) => [given.headerName.toLowerCase()],
  create: (given) => {
    const header = given.headerName.toLowerCase();
    return {
      scorer: {
        score: ({ request }, candidates, ratings) => {
          const wanted = request.headers[header];
          if (wanted !== undefined && wanted !== "") rateByLabel(given.labelKey, wanted, candidates, ratings);
        },
      },
    };
  },
});

function rateByLabel(key: string, wanted: string, candidates: readonly Endpoint[], { raw, score }: Ratings): void {
  for (let i = 0; i < candidates.length; i++) {
    const { labels } = candidates[i] as Endpoint;
    if (!Object.hasOwn(labels, key)) continue;
    const isEqual = labels[key] === wanted ? 1 : 0;
    raw[i] = isEqual;
    score[i] = isEqual;
  }
}
