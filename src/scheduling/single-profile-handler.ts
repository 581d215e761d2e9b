import { noParameters } from "./parameters.ts";
import { definePlugin } from "./plugin.ts";

/** Runs the only profile (protocol 6.6). */
export const singleProfileHandler = definePlugin({
  type: "single-profile-handler",
  summary: "Runs the only profile; a config with several profiles needs another handler.",
  parameters: noParameters,
  roles: ["profileHandler"],
  create: () => ({ profileHandler: { primary: (_cycle, [only = ""]) => only } }),
});
