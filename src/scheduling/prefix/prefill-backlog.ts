import type { Endpoint } from "../../datastore/endpoint.ts";

/** What a producer knows of the prompts that endpoints have yet to compute; readers find it in `cycle.produced`. */
export abstract class PrefillBacklog {
  /** Tokens of prompts that were sent to `endpoint` and have no first byte yet, as of now; at least 0. */
  abstract prefillTokens(endpoint: Endpoint): number;
}
