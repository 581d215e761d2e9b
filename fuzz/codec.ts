import assert from "node:assert/strict";
import type { Random } from "../src/lib/random.ts";
import { decodeProcessingRequest } from "../src/extproc/codec/decode-request.ts";
import { MalformedMessageError } from "../src/extproc/codec/proto-reader.ts";
import { Exchange, OutOfOrderError } from "../src/extproc/exchange.ts";
import type { HostMessage } from "../src/extproc/messages.ts";
import { Counts } from "./counts.ts";
import { chance, mutate, toBytes } from "./generate.ts";
import { exchange, messageOf, type Send } from "./stream-case.ts";
import type { FuzzTarget } from "./target.ts";
import { wireBytes } from "./wire-bytes.ts";
import { World } from "./world.ts";

interface CodecCase {
  readonly steps: readonly Send[];
  /** By index of a step: the bytes that come in its place. */
  readonly replaced: readonly (string | null)[];
}

const counts = new Counts();

/**
 * Messages of a stream as bytes, some mutated: what is not mutated decodes to what was encoded, what is decodes to some
 * message or is told to be malformed, and a stream of either leaves nothing behind.
 */
export const codec: FuzzTarget<CodecCase> = { name: "codec", generate, check, counts: counts.byName };

function generate(random: Random): CodecCase {
  const steps = exchange(random, 0) as Send[];
  return { steps, replaced: steps.map((step) => (chance(random, 0.4) ? mutate(random, wireBytes(step)) : null)) };
}

function check({ steps, replaced }: CodecCase): void {
  const world = new World(1, {});
  world.resize(3);
  const served = new Exchange(
    world.deps,
    () => {},
    () => {},
  );
  for (const [at, step] of steps.entries()) {
    const bytes = replaced[at] ?? null;
    const message = decode(bytes ?? wireBytes(step));
    if (bytes === null) checkWhole(step, message);
    if (message === undefined || !isTaken(served, message)) break;
  }
  served.end();
  assert.deepEqual(world.gauges, { streams: 0, running: 0, dispatched: 0 }, "gauges");
  assert.equal(world.store.ledger.total, 0, "requests in flight");
  assert.equal(world.budget.usedBytes, 0, "bytes held");
}

/** What was encoded is decoded, and nothing when its last byte is missing. */
function checkWhole(step: Send, message: HostMessage | undefined): void {
  assert.deepEqual(plain(message), plain(messageOf(step)), "message is not what was encoded");
  const bytes = wireBytes(step);
  if (bytes !== "") assert.equal(decode(bytes.slice(0, -1)), undefined, "a message that is cut was decoded");
}

function decode(bytes: string): HostMessage | undefined {
  try {
    const message = decodeProcessingRequest(toBytes(bytes));
    counts.add(`decoded ${message.event.kind}`);
    return message;
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    counts.add("malformed");
    return undefined;
  }
}

function isTaken(served: Exchange, message: HostMessage): boolean {
  try {
    served.receive(message);
    return true;
  } catch (error) {
    if (!(error instanceof OutOfOrderError)) throw error;
    return false;
  }
}

/** A message as plain data with prototypes, to be compared. */
function plain(message: HostMessage | undefined): unknown {
  if (message === undefined) return undefined;
  const { event } = message;
  return JSON.parse(
    JSON.stringify({
      ...message,
      event: event.kind === "headers" ? { ...event, headers: event.headers.entries() } : event,
    }),
  );
}
