import { formatAddress } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { definePlugin } from "../plugin.ts";
import { refuseSeveral } from "./single-profile.ts";

/** Header that tells the server behind the primary port which rank was picked (protocol 2). */
const rankHeader = "x-data-parallel-host-port";

const parameters = z.strictObject({ primaryPort: z.int().min(1).max(65_535).default(8000) });
type Parameters = z.infer<typeof parameters>;

/**
 * For servers whose ranks share one listening port (protocol 2, 6.6): the request goes to that port of the picked endpoint's
 * host, the header `x-data-parallel-host-port` carries the address of the rank.
 */
export const dataParallelProfileHandler = definePlugin<Parameters>({
  type: "data-parallel-profile-handler",
  summary: "Sends to one port of the picked rank's server and names the rank in a header.",
  parameters,
  roles: ["profileHandler", "preparer"],
  refuseProfiles: (_parameters, names) => refuseSeveral(names),
  create: ({ primaryPort }) => ({
    profileHandler: {
      primary: (_cycle, [only = ""]) => only,
      address: ({ host }) => formatAddress(host, primaryPort),
    },
    preparer: { prepare: (_cycle, picked) => [[rankHeader, picked.address]] },
  }),
});
