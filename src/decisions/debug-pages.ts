import type { Endpoint } from "../datastore/endpoint.ts";
import type { Clock } from "../lib/clock.ts";
import { jsonText } from "../lib/json-text.ts";
import { schemaVersion } from "./decision-record.ts";
import type { DecisionLog } from "./decision-log.ts";
import { describeKept, describeRequest, summarize } from "./decisions-page.ts";
import { describeEndpoints } from "./endpoints-page.ts";

/** What the pages are about. */
export interface DebugPagesInput {
  readonly log: DecisionLog;
  readonly snapshot: () => readonly Endpoint[];
  readonly clock: Clock;
  readonly configRevision: () => string;
  /** Name of the pool; default "". */
  readonly pool?: string;
}

/** An answer of JSON. */
export interface DebugAnswer {
  /** HTTP status: 200, 400 or 404. */
  readonly status: number;
  readonly body: string;
}

const defaultLimit = 100;
const maxLimit = 1000;

/**
 * The pages under `/debug/`, by path and query: decisions, decisions of a request id, endpoints. Returns undefined for a path
 * that is none of them.
 */
export function createDebugPages(input: DebugPagesInput): (path: string, query: string) => DebugAnswer | undefined {
  return (path, query) => {
    if (path === "/debug/decisions") return listDecisions(input, new URLSearchParams(query));
    if (path === "/debug/endpoints") return answer(200, endpointsPage(input));
    const prefix = "/debug/decisions/";
    return path.startsWith(prefix) ? findDecisions(input, path.slice(prefix.length)) : undefined;
  };
}

function endpointsPage({ log, snapshot, clock, configRevision, pool = "" }: DebugPagesInput): unknown {
  const [nowMs, wallMs] = [clock.nowMs(), clock.wallMs()];
  const recent = log.recentPicks();
  return describeEndpoints({ endpoints: snapshot(), recent, nowMs, wallMs, configRevision: configRevision(), pool });
}

function listDecisions({ log, clock }: DebugPagesInput, query: URLSearchParams): DebugAnswer {
  const limit = readCount(query, "limit", defaultLimit);
  const since = readCount(query, "since", 0);
  if (limit === undefined || limit < 1 || limit > maxLimit) {
    return problem(400, `Cannot list decisions: limit is "${query.get("limit")}", expected 1 to ${maxLimit}`);
  }
  if (since === undefined) {
    return problem(400, `Cannot list decisions: since is "${query.get("since")}", expected a sequence number`);
  }
  const decisions = log.newest(limit, since).map(summarize);
  const [now, nowMs] = [new Date(clock.wallMs()).toISOString(), clock.nowMs()];
  return answer(200, { schemaVersion, now, nowMs, kept: describeKept(log), decisions });
}

function findDecisions({ log }: DebugPagesInput, encoded: string): DebugAnswer {
  const requestId = decode(encoded);
  if (requestId === undefined) return problem(400, "Cannot find a decision: the request id is no URL-encoded UTF-8");
  const page = describeRequest(log, requestId);
  return answer(page.decisions.length === 0 ? 404 : 200, page);
}

/** A whole number of the query; undefined when it is none. */
function readCount(query: URLSearchParams, name: string, byDefault: number): number | undefined {
  const text = query.get(name);
  if (text === null) return byDefault;
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function answer(status: number, page: unknown): DebugAnswer {
  return { status, body: `${jsonText(page)}\n` };
}

function problem(status: number, error: string): DebugAnswer {
  return answer(status, { error });
}
