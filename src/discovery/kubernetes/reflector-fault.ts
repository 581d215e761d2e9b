import type { ApiReply } from "./api-server.ts";
import { connectionFailure, type ConnectionFailureReason } from "./connection-failure.ts";

/** What went wrong between a reflector and the API server. */
export type FaultReason =
  | Exclude<ConnectionFailureReason, "aborted">
  | "unauthorized"
  | "forbidden"
  | "absent"
  | "gone"
  | "throttled"
  | "server-error"
  | "status"
  | "error-event"
  | "unknown-event"
  | "broken-line"
  | "unreadable-list"
  | "unreadable-object"
  | "watchdog"
  | "short-watch";

/** A list or a watch that failed. */
export class ReflectorFault extends Error {
  override readonly name = "ReflectorFault";
  readonly reason: FaultReason;
  /** What is known may lack changes, so all is listed anew. */
  readonly needsList: boolean;

  constructor(reason: FaultReason, message: string, needsList = true) {
    super(message);
    this.reason = reason;
    this.needsList = needsList;
  }
}

const reasons: Readonly<Record<number, FaultReason>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "absent",
  410: "gone",
  429: "throttled",
};

/** What a status other than 200 means; `reply` may be a Kubernetes Status with a message. */
export function faultOfStatus(verb: string, { status, body }: Pick<ApiReply, "status" | "body">): ReflectorFault {
  const reason = reasons[status] ?? (status >= 500 ? "server-error" : "status");
  const said = messageOf(body);
  const needsList = reason === "gone" || reason === "absent" || reason === "status";
  return new ReflectorFault(reason, `${verb}: found status ${status}${said && `, "${said}"`}, expected 200`, needsList);
}

/** What a request without an answer means: nothing is lost, unless a line was too long to be read. */
export function faultOfConnection(error: unknown): ReflectorFault {
  const { reason, message } = connectionFailure(error);
  return new ReflectorFault(reason === "aborted" ? "connection" : reason, message, reason === "too-large");
}

/** What an ERROR event of a watch means: it holds a Status. */
export function faultOfErrorEvent(status: unknown): ReflectorFault {
  const { code } = (status ?? {}) as { readonly code?: unknown };
  const reason = (typeof code === "number" ? reasons[code] : undefined) ?? "error-event";
  const said = messageOf(status);
  return new ReflectorFault(reason, `watch: found an ERROR event, code ${String(code)}${said && `, "${said}"`}`);
}

function messageOf(status: unknown): string {
  const message = (status as { readonly message?: unknown } | null | undefined)?.message;
  return typeof message === "string" ? message.slice(0, 300) : "";
}
