import { z } from "../../lib/schema.ts";
import { deny } from "../denial.ts";
import { headerName } from "../parameters.ts";
import { definePlugin } from "../plugin.ts";

const parameters = z.strictObject({
  headerName: headerName.default("EPP-Profile"),
  defaultProfile: z.string().min(1).default("decode"),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Runs the profile that a request header names, `defaultProfile` when the header is missing or blank, and the only profile
 * whatever it says (protocol 6.6). A name that no profile has is refused: ResourceExhausted, 429.
 */
export const headerProfileHandler = definePlugin<Parameters>({
  type: "header-profile-handler",
  summary: "Runs the profile that a request header names.",
  parameters,
  experimental: true,
  roles: ["profileHandler"],
  headersRead: (given) => [given.headerName.toLowerCase()],
  refuseProfiles: ({ defaultProfile }, names) => {
    if (names.length === 1 || names.includes(defaultProfile)) return undefined;
    const message = `no profile named "${defaultProfile}", expected one of ${names.join(", ")}`;
    return { parameter: "defaultProfile", message };
  },
  create: (given) => {
    const header = given.headerName.toLowerCase();
    return {
      profileHandler: {
        primary: ({ request }, names) => {
          const [only = ""] = names;
          if (names.length === 1) return only;
          const wanted = request.headers[header]?.trim() || given.defaultProfile;
          if (names.includes(wanted)) return wanted;
          return deny("ResourceExhausted", `failed to find target endpoint: header "${header}" names no profile`);
        },
      },
    };
  },
});
