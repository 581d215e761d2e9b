import { HeaderList } from "../src/extproc/header-list.ts";
import { bodyModes, type HostMessage, type Metadata, type Phase } from "../src/extproc/messages.ts";
import type { Random } from "../src/lib/random.ts";
import { below, chance, cutAt, cuts, mutate, pick, some, toBytes, utf8 } from "./generate.ts";
import { endpointSpec } from "./world.ts";

/** What a host says in one message. */
export type WireEvent =
  | {
      readonly kind: "headers";
      readonly phase: Phase;
      readonly headers: readonly (readonly [string, string])[];
      readonly end: boolean;
    }
  | { readonly kind: "body"; readonly phase: Phase; readonly body: string; readonly end: boolean }
  | { readonly kind: "trailers"; readonly phase: Phase }
  | { readonly kind: "unknown" };

/** One step of a case. */
export type Step =
  | {
      readonly do: "send";
      readonly stream: number;
      readonly event: WireEvent;
      /** Subset hint and served endpoint of the message's metadata; null: no metadata. */
      readonly metadata: { readonly hint: unknown; readonly served: string } | null;
      /** Request and response body mode as numbers of the wire; empty: not said. */
      readonly modes: readonly number[];
      readonly mirror: boolean;
    }
  /** The host ends the stream, in whatever way. */
  | { readonly do: "drop"; readonly stream: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "pool"; readonly size: number }
  /** The next decision meets a bug of ours. */
  | { readonly do: "break" };

export type Send = Extract<Step, { do: "send" }>;

/** Streams that live at the same time, step by step. */
export interface StreamCase {
  readonly seed: number;
  readonly poolSize: number;
  readonly bodyBytes: number;
  readonly heldBytes: number;
  readonly bufferedBytes: number;
  readonly steps: readonly Step[];
}

/** The message of a step as the codec would give it. */
export function messageOf({ event, metadata, modes, mirror }: Send): HostMessage {
  const [request, response] = modes;
  return {
    event: eventOf(event),
    metadata: metadata === null ? undefined : metadataOf(metadata),
    observabilityMode: mirror,
    protocolConfig:
      request === undefined || response === undefined
        ? undefined
        : { requestBodyMode: bodyModes[request] ?? "none", responseBodyMode: bodyModes[response] ?? "none" },
  };
}

function eventOf(event: WireEvent): HostMessage["event"] {
  switch (event.kind) {
    case "headers": {
      const headers = new HeaderList();
      for (const [name, value] of event.headers) headers.add(name, toBytes(value));
      return { kind: "headers", phase: event.phase, headers, endOfStream: event.end };
    }
    case "body":
      return { kind: "body", phase: event.phase, body: toBytes(event.body), endOfStream: event.end };
    case "trailers":
    case "unknown":
      return event;
  }
}

function metadataOf({ hint, served }: NonNullable<Send["metadata"]>): Metadata {
  return {
    "envoy.lb.subset_hint": hint === null ? {} : { "x-gateway-destination-endpoint-subset": hint as string },
    "envoy.lb": served === "" ? {} : { "x-gateway-destination-endpoint-served": served },
  };
}

/** One to three streams, each a whole exchange or a mutation of one, in turns. */
export function generateCase(random: Random): StreamCase {
  const streams = Array.from({ length: 1 + below(random, 3) }, (_, stream) => {
    const script = exchange(random, stream);
    return chance(random, 0.55) ? mutateScript(random, script) : script;
  });
  const steps: Step[] = [];
  while (streams.some(({ length }) => length > 0)) {
    const step = pick(
      random,
      streams.filter(({ length }) => length > 0),
    ).shift();
    if (step !== undefined) steps.push(step);
    if (chance(random, 0.03)) steps.push(disturbance(random));
  }
  const small = (bytes: number, share: number): number => (chance(random, share) ? below(random, bytes) : 1 << 20);
  return {
    seed: below(random, 1 << 30),
    poolSize: chance(random, 0.05) ? 0 : 1 + below(random, 5),
    bodyBytes: small(200, 0.05),
    heldBytes: small(200, 0.1),
    bufferedBytes: small(300, 0.1),
    steps,
  };
}

function disturbance(random: Random): Step {
  switch (below(random, 4)) {
    case 0:
      return { do: "pool", size: below(random, 5) };
    case 1:
      return { do: "break" };
    default:
      return { do: "wait", ms: pick(random, [1, 300, 9_900, 10_300, 31_000]) };
  }
}

/** What a host that keeps the protocol sends: a request, then its response, now and then none, or a response alone. */
export function exchange(random: Random, stream: number): Step[] {
  const modes = chance(random, 0.4) ? [below(random, 6), below(random, 6)] : chance(random, 0.5) ? [4, 4] : [];
  const send = (event: WireEvent): Send => ({
    do: "send",
    stream,
    event,
    metadata: metadata(random),
    modes: [],
    mirror: false,
  });
  const request = chance(random, 0.92) ? requestEvents(random, modes[0] ?? 4) : [];
  const response = chance(random, 0.85) || request.length === 0 ? responseEvents(random, modes[1] ?? 4) : [];
  const sends = [...request, ...response].map(send);
  return sends.map((step, index) => (index === 0 ? { ...step, modes } : step));
}

function metadata(random: Random): Send["metadata"] {
  if (chance(random, 0.8)) return null;
  const address = (): string => endpointSpec(below(random, 6)).address;
  const hint = pick<() => unknown>(random, [
    () => null,
    address,
    () => `${address()}, ${address()}`,
    () => [address(), address(), address()],
    () => "10.0.0.1",
    () => 7,
    () => [],
    () => [[address()], null],
  ])();
  return { hint, served: chance(random, 0.3) ? address() : "" };
}

const paths: readonly string[] = [
  "/v1/completions",
  "/v1/completions",
  "/v1/chat/completions",
  "/v1/chat/completions?x=1",
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/v1/embeddings",
  "/generate",
  "/vllm.grpc.engine.VllmEngine/Generate",
  "/upload",
];

const extraHeaders: readonly (readonly [string, string])[] = [
  ["content-length", "60"],
  ["x-llm-d-model-name-rewrite", "target"],
  ["x-llm-d-model-name-rewrite", "target"],
  ["x-request-id", "same-for-all"],
  ["x-request-id", "line\nbreak"],
  ["x-gateway-destination-endpoint", "10.9.9.9:1"],
  ["x-prefiller-host-port", "10.9.9.9:1"],
  ["x-llm-d-inference-fairness-id", "tenant"],
  ["x-llm-d-inference-objective", "o".repeat(300)],
  ["content-encoding", "gzip"],
  ["prefer", "if-available"],
  ["Set-Cookie", "a=1"],
  ["__proto__", "x"],
  ["te", "trailers"],
];

function requestEvents(random: Random, mode: number): WireEvent[] {
  const phase = "request" as const;
  const path = pick(random, paths);
  const headers: (readonly [string, string])[] = [
    [":method", "POST"],
    [":path", path],
    ...some(random, 4, () => pick(random, extraHeaders)),
  ];
  if (chance(random, 0.08)) return [{ kind: "headers", phase, headers, end: true }];
  const text = requestBody(random, path);
  const body = chance(random, 0.1) ? mutate(random, text) : text;
  return [{ kind: "headers", phase, headers, end: false }, ...bodyEvents(random, phase, body, mode)];
}

function requestBody(random: Random, path: string): string {
  const [model, stream] = [pick(random, ["base", "target", "adapter-1"]), chance(random, 0.5)];
  const more = { ...(stream && { stream }), max_tokens: 5 };
  if (path.startsWith("/v1/chat") || path === "/v1/messages") {
    return utf8(JSON.stringify({ model, messages: [{ role: "user", content: "CANARY h\u00e9llo" }], ...more }));
  }
  if (path === "/v1/embeddings") return utf8(JSON.stringify({ model, input: ["CANARY", "b"] }));
  if (path === "/generate") return utf8(JSON.stringify({ text: "CANARY", ...more }));
  if (path.startsWith("/vllm.grpc")) return "\0\0\0\0\x08\x1a\x06CANARY";
  if (path === "/upload") return "\xff\0CANARY".repeat(below(random, 20));
  return utf8(
    JSON.stringify({ model, prompt: "CANARY ".repeat(chance(random, 0.02) ? 20_000 : 1 + below(random, 30)), ...more }),
  );
}

function responseEvents(random: Random, mode: number): WireEvent[] {
  const phase = "response" as const;
  const isStream = chance(random, 0.5);
  const type = isStream ? "text/event-stream" : "application/json";
  const headers: (readonly [string, string])[] = [
    [chance(random, 0.9) ? ":status" : "status", pick(random, ["200", "200", "500", "204", "x"])],
    ["content-type", type],
  ];
  if (chance(random, 0.1)) return [{ kind: "headers", phase, headers, end: true }];
  const model = `"model":${chance(random, 0.5) ? " " : ""}"${pick(random, ["target", "target", "base"])}"`;
  const usage = '"usage":{"prompt_tokens":7,"completion_tokens":2}';
  const text = isStream
    ? `data: {${model},"text":"a"}\n\ndata: {${model},${usage}}\n\ndata: [DONE]\n\n`
    : `{${model},${usage}}`;
  return [{ kind: "headers", phase, headers, end: false }, ...bodyEvents(random, phase, vary(random, text), mode)];
}

/** The text, now and then mutated, cut short, or longer than one answer may be. */
function vary(random: Random, text: string): string {
  if (chance(random, 0.1)) return mutate(random, text);
  if (chance(random, 0.1)) return text.slice(0, below(random, text.length + 1));
  return chance(random, 0.02) ? text.repeat(1500) : text;
}

/** The body in pieces and its end, as a host in this mode sends them. */
function bodyEvents(random: Random, phase: Phase, body: string, mode: number): WireEvent[] {
  const name = bodyModes[mode];
  if (name === "none") return [];
  const isWhole = name === "buffered" || name === "buffered-partial";
  const pieces = isWhole ? [body] : cutAt(body, cuts(random, body.length, 6));
  const hasTrailers = chance(random, 0.2);
  const events = pieces.map(
    (piece, index): WireEvent => ({
      kind: "body",
      phase,
      body: piece,
      end: !hasTrailers && index === pieces.length - 1,
    }),
  );
  if (hasTrailers) events.push({ kind: "trailers", phase });
  if (!hasTrailers && chance(random, 0.1))
    return [
      ...events.slice(0, -1),
      { ...(events.at(-1) as WireEvent & { kind: "body" }), end: false },
      { kind: "body", phase, body: "", end: true },
    ];
  return events;
}

function mutateScript(random: Random, script: readonly Step[]): Step[] {
  let steps = [...script];
  for (let change = 1 + below(random, 2); change > 0; change--) {
    const at = below(random, steps.length + 1);
    const stray = pick(random, [...script, ...exchange(random, (script[0] as Send).stream)]);
    const step = steps[at];
    switch (below(random, 8)) {
      case 0:
        steps = steps.toSpliced(at, 1);
        break;
      case 1:
        steps = steps.toSpliced(at, 0, stray);
        break;
      case 2:
        steps = steps.toSpliced(at, 1, stray);
        break;
      case 3:
        steps = [...steps.slice(0, at), { do: "drop", stream: (script[0] as Send).stream }];
        break;
      case 4:
        if (step?.do === "send")
          steps = steps.toSpliced(at, 1, { ...step, modes: [below(random, 8), below(random, 8)] });
        break;
      case 5:
        if (step?.do === "send") steps = steps.toSpliced(at, 1, strangeEvent(random, step));
        break;
      case 6:
        steps = steps.toSpliced(at, 0, ...steps.slice(at, at + 1 + below(random, 3)));
        break;
      default:
        steps = steps.toReversed();
    }
  }
  return steps;
}

function strangeEvent(random: Random, step: Send): Send {
  const { event } = step;
  if (chance(random, 0.2)) return { ...step, mirror: true };
  if (chance(random, 0.3)) return { ...step, event: { kind: "unknown" } };
  if (event.kind === "headers" || event.kind === "body") return { ...step, event: { ...event, end: !event.end } };
  return { ...step, event: { kind: "trailers", phase: pick(random, ["request", "response"]) } };
}
