import { z } from "../../lib/schema.ts";
import { headerName } from "../parameters.ts";
import { type Cycle, definePlugin } from "../plugin.ts";
import { readSessionId, SessionId } from "../session/session-id.ts";

const defaultHeader = "x-session-id";

const parameters = z
  .strictObject({ headerName: headerName.optional(), cookieName: headerName.optional() })
  .superRefine((given, context) => {
    if (given.headerName === undefined || given.cookieName === undefined) return;
    context.addIssue({
      code: "custom",
      path: ["cookieName"],
      message: "given beside headerName, expected one of them",
    });
  });
type Parameters = z.infer<typeof parameters>;

/** Finds the session of a request in a header or in a cookie (protocol 6.7). Produces a SessionId. */
export const sessionIdProducer = definePlugin<Parameters>({
  type: "session-id-producer",
  summary: "Finds the identifier of a request's session in a header or cookie.",
  parameters,
  roles: ["producer"],
  headersRead: (given) => [sourceHeader(given)],
  create: (given) => {
    const header = sourceHeader(given);
    const { cookieName } = given;
    const find = ({ request }: Cycle): string | undefined => {
      const text = request.headers[header];
      return cookieName === undefined || text === undefined ? text : cookieOf(text, cookieName);
    };
    return { producer: { produce: (cycle) => new SessionId(readSessionId(find(cycle))) } };
  },
});

function sourceHeader(given: Parameters): string {
  return given.cookieName === undefined ? (given.headerName ?? defaultHeader).toLowerCase() : "cookie";
}

/** The first cookie of that name, without quotes around its value; names are compared with their case. */
function cookieOf(header: string, name: string): string | undefined {
  for (const pair of header.split(";")) {
    const at = pair.indexOf("=");
    if (at < 0 || pair.slice(0, at).trim() !== name) continue;
    const value = pair.slice(at + 1).trim();
    return /^".*"$/.test(value) ? value.slice(1, -1) : value;
  }
  return undefined;
}
