import { z } from "../../lib/schema.ts";
import { headerName, unavailable } from "../parameters.ts";
import type { Requirement } from "../plugin.ts";

/** Type of the plugins that `attribute` sources read. */
export const sessionIdProducerType = "session-id-producer";

/** The request attribute that session-id producers publish: the only one there is. */
const sessionIdAttribute = "SessionIDDataKey";

const source = z
  .strictObject({
    header: headerName.optional(),
    attribute: z
      .string()
      .refine((attribute) => attribute === sessionIdAttribute, {
        error: ({ input }) =>
          `attribute ${JSON.stringify(input)} is not available in this version, expected ${sessionIdAttribute}`,
      })
      .optional(),
    producer: z.string().min(1).optional(),
  })
  .superRefine(({ header, attribute, producer }, context) => {
    if ((header === undefined) === (attribute === undefined)) {
      context.addIssue({ code: "custom", message: "expected either header or attribute" });
    } else if (producer !== undefined && attribute === undefined) {
      context.addIssue({
        code: "custom",
        path: ["producer"],
        message: "has no meaning for a header, expected no field",
      });
    }
  });

/** A place where session identifiers are looked for; exactly one of `header` and `attribute` is there. */
export type SessionSource = z.infer<typeof source>;

/** Parameters of the session affinity filter and scorer. */
export const affinityParameters = z.strictObject({
  strategy: z.enum(["encoded_endpoint_header", "session_id"]).default("encoded_endpoint_header"),
  encodedEndpointHeaderConfig: z.strictObject({ header: headerName.default("x-session-token") }).prefault({}),
  sessionIdConfig: z
    .strictObject({
      sources: z
        .array(source)
        .min(1)
        .default([{ header: "x-session-id" }]),
      evictionTtlSeconds: z.number().positive().max(1e9).default(300),
      evictionSweepSeconds: z.number().positive().max(1e9).default(10),
    })
    .prefault({}),
  profileName: unavailable("no profile handler runs several profiles for one request"),
});
export type AffinityParameters = z.infer<typeof affinityParameters>;

/** Headers that the strategy reads, in lower case. */
export function affinityHeaders(given: AffinityParameters): string[] {
  if (given.strategy === "encoded_endpoint_header") return [given.encodedEndpointHeaderConfig.header.toLowerCase()];
  return given.sessionIdConfig.sources.flatMap(({ header }) => header?.toLowerCase() ?? []);
}

/** Producers that the strategy reads. */
export function affinityRequirements(given: AffinityParameters): Requirement[] {
  if (given.strategy === "encoded_endpoint_header") return [];
  return given.sessionIdConfig.sources.flatMap(({ attribute }, index) =>
    attribute === undefined
      ? []
      : [{ type: sessionIdProducerType, parameter: ["sessionIdConfig", "sources", index, "producer"] }],
  );
}
