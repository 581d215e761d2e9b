import { parseJson } from "../lib/json-text.ts";
import { printableText } from "../lib/printable-text.ts";

/** Where a picker's metrics port is; an IPv6 host without brackets. */
export interface PickerAddress {
  readonly host: string;
  readonly port: number;
}

/** How a page is asked for. */
export interface AskOptions {
  /** Time for the whole answer; default 10000. */
  readonly timeoutMs?: number;
  /** Statuses that are an answer; default 200 alone. */
  readonly accepted?: readonly number[];
}

/** The address as people write it. */
export function formatPicker({ host, port }: PickerAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * A JSON page of a running picker, undefined when it is no JSON; `what` is named in errors. Rejects when nobody answers and for
 * other statuses than the accepted.
 */
export async function askPicker(
  picker: PickerAddress,
  path: string,
  what: string,
  { timeoutMs = 10_000, accepted = [200] }: AskOptions = {},
): Promise<unknown> {
  const origin = `http://${formatPicker(picker)}`;
  const { status, text } = await get(`${origin}${path}`, origin, AbortSignal.timeout(timeoutMs));
  if (accepted.includes(status)) return parseJson(text);
  throw new Error(`Cannot read ${what} from ${origin}: status ${status}, ${printableText(text.trim(), 200)}`);
}

async function get(url: string, origin: string, signal: AbortSignal): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, { redirect: "error", signal });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error && cause.message !== "" ? cause.message : message;
    throw new Error(`Cannot reach a picker at ${origin}: ${reason}; --addr names its metrics port`, { cause: error });
  }
}
