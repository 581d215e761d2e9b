import type { Command } from "commander";
import { type DecisionsOfRequest, decisionsOfRequestSchema } from "../decisions/decision-record.ts";
import { tellDecision } from "../decisions/story.ts";
import { jsonText } from "../lib/json-text.ts";
import { printableText } from "../lib/printable-text.ts";
import { exitCode } from "./exit.ts";
import { addressValue } from "./option-values.ts";

interface ExplainOptions {
  addr: { readonly host: string; readonly port: number };
  json?: boolean;
}

/** Time for the whole answer. */
const timeoutMs = 10_000;

/** `epp explain`: why a request went where it went, from the ring of a running picker. */
export function registerExplain(program: Command): void {
  program
    .command("explain")
    .description("Tell why a request was sent to its endpoint, from a running picker's decision record")
    .argument("<request-id>", "x-request-id of the request")
    .option("--addr <host:port>", "metrics port of the picker", addressValue, addressValue("127.0.0.1:9090"))
    .option("--json", "print the decisions of that id as one JSON document, newest first")
    .action(async (requestId: string, options: ExplainOptions) => {
      const found = await fetchDecisions(requestId, options.addr);
      if (options.json === true) console.log(jsonText(found, 2));
      else if (found.decisions.length > 0) console.log(tellAll(found));
      if (found.decisions.length > 0) return;
      console.error(`epp: ${notFound(found)}`);
      process.exitCode = exitCode.no;
    });
}

async function fetchDecisions(requestId: string, { host, port }: ExplainOptions["addr"]): Promise<DecisionsOfRequest> {
  const origin = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const url = `${origin}/debug/decisions/${encodeURIComponent(requestId)}`;
  const { status, text } = await get(url, origin);
  if (status !== 200 && status !== 404) {
    throw new Error(`Cannot read decisions from ${origin}: status ${status}, ${printableText(text.trim(), 200)}`);
  }
  const parsed = decisionsOfRequestSchema.safeParse(parse(text));
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new Error(
    `Cannot read decisions from ${origin}: found no decisions of schema version 1${at === "" ? "" : ` (${at})`}`,
  );
}

async function get(url: string, origin: string): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error && cause.message !== "" ? cause.message : message;
    throw new Error(`Cannot reach a picker at ${origin}: ${reason}; --addr names its metrics port`, { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tellAll({ decisions }: DecisionsOfRequest): string {
  const several = decisions.length === 1 ? [] : [`${decisions.length} decisions have this request id, newest first.`];
  return [...several, ...decisions.map(tellDecision)].join("\n\n");
}

function notFound({ requestId, kept: { records, spanSeconds } }: DecisionsOfRequest): string {
  const reach = records === 0 ? "it keeps none yet" : `it keeps the last ${records}, ${formatSpan(spanSeconds)} back`;
  return `no decision of request "${printableText(requestId)}" is kept by this picker: ${reach}`;
}

function formatSpan(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
