import { noParameters } from "../parameters.ts";
import { definePlugin, type ProfileRefusal } from "../plugin.ts";

/** Runs the only profile (protocol 6.6). */
export const singleProfileHandler = definePlugin({
  type: "single-profile-handler",
  summary: "Runs the only profile; a config with several profiles needs another handler.",
  parameters: noParameters,
  roles: ["profileHandler"],
  create: () => ({ profileHandler: { primary: (_cycle, [only = ""]) => only } }),
  refuseProfiles: (_parameters, names) => refuseSeveral(names),
});

/** For handlers that run one profile: refuses several. */
export function refuseSeveral(profileNames: readonly string[]): ProfileRefusal | undefined {
  if (profileNames.length <= 1) return undefined;
  const message = `runs one profile, got ${profileNames.length}, expected a handler for several`;
  return { parameter: undefined, message };
}
