import { noParameters } from "../parameters.ts";
import { definePlugin } from "../plugin.ts";

/** Header that conformance tests read (protocol 3.1). */
const servedHeader = "x-conformance-test-served-endpoint";
/** What the header says when the host did not tell: the tests look for an address and fail. */
const missing = "fail: missing destination endpoint served metadata";

/** Tells the client which endpoint served, as the host says with the response (protocol 2, case K3). */
export const servedVerifier = definePlugin({
  type: "destination-endpoint-served-verifier",
  summary: "Puts the address that served, as the gateway reports it, into a response header; for tests.",
  parameters: noParameters,
  roles: ["responder"],
  create: () => ({ responder: { headers: ({ servedAddress }) => [[servedHeader, servedAddress ?? missing]] } }),
});
