import assert from "node:assert/strict";
import type { PickerMessage, Phase } from "../src/extproc/messages.ts";
import { traitsOf } from "../src/request/apis.ts";
import type { InferenceRequest } from "../src/request/inference-request.ts";
import { refusals } from "../src/routing/decision.ts";
import { fromBytes, toBytes } from "./generate.ts";
import type { HostGrammar } from "./host-grammar.ts";
import { restored } from "./sse.ts";

/** An answer, with what it was allowed to name when it was given. */
interface Sent {
  readonly message: PickerMessage;
  /** Addresses of the pool. */
  readonly pool: readonly string[];
  /** The host's subset hint; null or undefined: none. */
  readonly allowed: unknown;
}

/** All that went over one stream. */
export interface Trace {
  readonly sent: Sent[];
  /** Body messages that were taken, by direction. */
  readonly received: Record<Phase, string[]>;
  /** The last subset hint of the host. */
  allowed: unknown;
  /** The request as it was routed. */
  routed: InferenceRequest | undefined;
  /** How often the stream was ended by the picker. */
  finished: number;
  end: "open" | "dropped" | "out of order";
}

/** Checks what a stream answered from beginning to end; returns in a word how its request ended. */
export function checkTrace(trace: Trace, grammar: HostGrammar): string {
  const messages = trace.sent.map(({ message }) => message);
  const immediates = messages.filter((message) => message.kind === "immediate");
  const picks = trace.sent.filter(({ message }) => destinationOf(message) !== undefined);
  assert.ok(picks.length + immediates.length <= 1, `${picks.length} picks and ${immediates.length} refusals`);
  assert.equal(trace.finished, immediates.length, "the picker ends a stream after a refusal and only then");
  for (const refusal of immediates) checkRefusal(refusal);
  for (const pick of picks) checkDestination(pick);
  checkOrder(messages, "request");
  checkOrder(messages, "response");
  if (picks.length > 0) checkRequestBytes(trace, grammar);
  checkResponseBytes(trace, grammar);
  checkDecided(trace, grammar, picks.length + immediates.length);
  if (picks.length > 0) return "forwarded";
  return immediates.length > 0
    ? `refused ${immediates[0]?.status}`
    : trace.end === "out of order"
      ? "out of order"
      : "undecided";
}

function destinationOf(message: PickerMessage): string | undefined {
  if (message.kind !== "headers" && message.kind !== "body") return undefined;
  return message.mutation?.set.find(([name]) => name === "x-gateway-destination-endpoint")?.[1];
}

function checkRefusal({ status, headers, body }: PickerMessage & { kind: "immediate" }): void {
  const reason = headers.find(([name]) => name === "x-llm-d-request-dropped-reason")?.[1] ?? "";
  assert.ok(Object.hasOwn(refusals, reason), `reason "${reason}"`);
  assert.equal(status, refusals[reason as keyof typeof refusals].status);
  assert.ok(!body.includes("CANARY"), "a refusal repeats the prompt");
}

/** The destination is in the pool and in the subset, and the same in header and metadata. */
function checkDestination({ message, pool, allowed }: Sent): void {
  const destination = destinationOf(message) ?? "";
  const metadata = "dynamicMetadata" in message ? message.dynamicMetadata : undefined;
  assert.deepEqual(
    metadata?.["envoy.lb"]?.["x-gateway-destination-endpoint"],
    destination,
    "header and metadata differ",
  );
  for (const address of destination.split(",")) {
    assert.ok(pool.includes(address), `${address} is not in the pool`);
    assert.ok(isAllowed(address, allowed), `${address} is not in the subset`);
  }
}

function isAllowed(address: string, hint: unknown): boolean {
  if (hint === null || hint === undefined) return true;
  const items: unknown[] = typeof hint === "string" ? hint.split(",") : Array.isArray(hint) ? hint : [];
  const names = items.filter((item) => typeof item === "string").map((item) => item.trim());
  return names.some((name) => address === name || address.startsWith(`${name}:`));
}

/** Headers, body, trailers, in this order, and nothing behind an end. */
function checkOrder(messages: readonly PickerMessage[], phase: Phase): void {
  const rank = { headers: 0, "streamed-body": 1, body: 1, trailers: 2 };
  let [last, hasEnded] = [-1, false];
  for (const message of messages) {
    if (message.kind === "immediate" || message.phase !== phase) continue;
    const next = rank[message.kind];
    assert.ok(next > last || (next === 1 && last === 1), `${phase} ${message.kind} answered out of order`);
    assert.ok(!hasEnded || message.kind === "trailers", `${phase} ${message.kind} answered after the end`);
    last = next;
    if (message.kind === "streamed-body" && message.endOfStream) hasEnded = true;
  }
}

/** What goes to the model server is what came from the client, or the same with another model. */
function checkRequestBytes({ sent, received, routed }: Trace, grammar: HostGrammar): void {
  const came = received.request.join("");
  const isRenamed = routed !== undefined && canRename(routed) && routed.model !== routed.targetModel;
  const pieces = sent
    .map(({ message }) => message)
    .filter((message) => message.kind === "streamed-body" && message.phase === "request");
  const replaced = sent.flatMap(({ message }) =>
    message.kind === "body" && message.phase === "request" && message.body !== undefined ? [message.body] : [],
  );
  if (grammar.mode("request") !== "full-duplex-streamed") {
    assert.equal(pieces.length, 0, "streamed answer to a host that does not stream");
    if (!isRenamed) assert.equal(replaced.length, 0, "body replaced without a reason");
    for (const body of replaced) checkRenamed(came, fromBytes(body), routed?.targetModel ?? "");
    return;
  }
  const went = pieces.map((message) => fromBytes((message as { body: Uint8Array }).body)).join("");
  for (const message of pieces) assert.ok((message as { body: Uint8Array }).body.length <= 62_000, "answer too large");
  if (isRenamed) checkRenamed(came, went, routed?.targetModel ?? "");
  else assert.equal(went, came, "request bytes changed");
}

function canRename({ kind }: InferenceRequest): boolean {
  return traitsOf(kind).modelRewrite === "supported";
}

function checkRenamed(came: string, went: string, model: string): void {
  const before = JSON.parse(toBytes(came).toString()) as Record<string, unknown>;
  assert.deepEqual(
    JSON.parse(toBytes(went).toString()),
    { ...before, model },
    "renamed request differs in more than its model",
  );
}

/** What goes to the client is what came from the model server, the model's name restored; less only while some is held. */
function checkResponseBytes({ sent, received, routed }: Trace, grammar: HostGrammar): void {
  const [model, target] = [routed?.model ?? "", routed?.targetModel ?? ""];
  const answers = sent
    .map(({ message }) => message)
    .filter((message) => message.kind !== "immediate" && message.phase === "response");
  if (grammar.mode("response") !== "full-duplex-streamed") {
    const bodies = answers.filter((message) => message.kind === "body");
    assert.equal(bodies.length, received.response.length, "one answer a piece");
    for (const [at, message] of bodies.entries()) {
      const piece = received.response[at] ?? "";
      assert.equal(
        message.body === undefined ? piece : fromBytes(message.body),
        restored(piece, target, model),
        "response bytes changed",
      );
    }
    return;
  }
  const want = restored(received.response.join(""), target, model);
  const went = answers.map((message) => (message.kind === "streamed-body" ? fromBytes(message.body) : "")).join("");
  assert.ok(want.startsWith(went), "response bytes changed");
  if (grammar.isLegal && grammar.hasEnded("response")) assert.equal(went, want, "response bytes held back for ever");
}

/** A request that came whole, from a host that keeps the protocol, is decided. */
function checkDecided(trace: Trace, grammar: HostGrammar, decisions: number): void {
  if (!grammar.isLegal || grammar.isAnsweredEarly || !grammar.isDecidable) return;
  assert.equal(decisions, 1, "a whole request is neither forwarded nor refused");
  if (trace.routed !== undefined && grammar.hasEnded("request") && grammar.mode("request") === "full-duplex-streamed") {
    const last = trace.sent.findLast(
      ({ message }) => message.kind !== "immediate" && message.phase === "request",
    )?.message;
    assert.ok(
      last?.kind === "headers" || last?.kind === "trailers" || (last?.kind === "streamed-body" && last.endOfStream),
      "the forwarded request has no end",
    );
  }
}
