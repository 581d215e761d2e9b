import { z } from "../lib/schema.ts";

/** For plugins that take no parameters. */
export const noParameters = z.strictObject({});

/** A parameter of the reference that this version does not have: giving it is a problem that says so. */
export const notAvailable = z
  .custom<undefined>((value) => value === undefined, { error: "not available in this version" })
  .optional();

/** Name of an HTTP header in any case; requests are looked up in lower case. */
export const headerName = z.string().regex(/^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,256}$/, {
  error: ({ input }) => `expected the name of a header, got ${JSON.stringify(input)}`,
});
