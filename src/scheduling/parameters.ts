import { z } from "../lib/schema.ts";

/** For plugins that take no parameters. */
export const noParameters = z.strictObject({});

/** A parameter of the reference that this version does not have: giving it is a problem that says so. */
export const notAvailable = z
  .custom<undefined>((value) => value === undefined, { error: "not available in this version" })
  .optional();
