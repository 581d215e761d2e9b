import { z } from "../lib/schema.ts";
import type { Caution } from "./plugin.ts";

/** For plugins that take no parameters. */
export const noParameters = z.strictObject({});

/** A parameter of the reference that this version does not have: giving it is a problem that says so, and what to do. */
export function unavailable(hint: string): z.ZodType<undefined> {
  return z
    .custom<undefined>((value) => value === undefined, { error: `not available in this version: ${hint}` })
    .optional();
}

/** Warns that a parameter of 0 or less stands for its default, as it does in the reference. */
export function cautionDefault(parameter: string, given: number, standsFor: number): Caution | undefined {
  return given > 0 ? undefined : { parameter, message: `${given} counts as the default, ${standsFor}` };
}

/** Name of an HTTP header in any case; requests are looked up in lower case. */
export const headerName = z.string().regex(/^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,256}$/, {
  error: ({ input }) => `expected the name of a header, got ${JSON.stringify(input)}`,
});
