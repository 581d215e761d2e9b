import type { ApiRequest, ApiServer } from "./api-server.ts";
import { faultOfConnection, faultOfStatus } from "./reflector-fault.ts";

/** Longest wait for one answer. */
const timeoutMs = 5000;

/** Returns the body of an answer that has status 200 or 201; throws a `ReflectorFault` for any other, which names `what`. */
export async function askObject(
  api: ApiServer,
  what: string,
  request: Omit<ApiRequest, "timeoutMs" | "signal">,
): Promise<unknown> {
  const reply = await api.ask({ ...request, timeoutMs }).catch((error: unknown) => {
    throw faultOfConnection(error);
  });
  if (reply.status !== 200 && reply.status !== 201) throw faultOfStatus(what, reply);
  return reply.body;
}
