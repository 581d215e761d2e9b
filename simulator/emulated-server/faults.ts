import { z } from "../../src/lib/schema.ts";

const faultsSchema = z.strictObject({
  metrics: z.enum(["ok", "silent", "error", "frozen"]),
  slowFactor: z.number().min(0.001).max(1000),
  failRatio: z.number().min(0).max(1),
  hang: z.boolean(),
});

/**
 * How an endpoint misbehaves. `metrics`: the page is right / never answered / status 500 / the page of the moment the
 * fault was set. `slowFactor`: steps take that many times as long, 0.001..1000. `failRatio`: share of completion requests
 * answered with status 500, 0..1. `hang`: requests are taken and never go on.
 */
export type Faults = z.infer<typeof faultsSchema>;

/** An endpoint that works. */
export const noFaults: Faults = { metrics: "ok", slowFactor: 1, failRatio: 0, hang: false };

/** Puts the fields of a JSON body over `current`; a string says what is wrong with the body. */
export function changeFaults(current: Faults, body: string): Faults | string {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    return `Cannot read faults: ${(error as Error).message}, expected JSON`;
  }
  const { data, error } = faultsSchema.partial().safeParse(json);
  if (error !== undefined) {
    return `Cannot set faults: ${error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`).join("; ")}`;
  }
  const given = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
  return { ...current, ...given };
}
