import assert from "node:assert/strict";
import { test } from "node:test";
import { Exchange, OutOfOrderError } from "../../src/extproc/exchange.ts";
import { HeaderList } from "../../src/extproc/header-list.ts";
import { type BodyMode, type HostEvent, type HostMessage, type PickerMessage } from "../../src/extproc/messages.ts";
import { World } from "../../fuzz/world.ts";

type Said = "H" | "H." | "B" | "B." | "T" | "h" | "h." | "b" | "b." | "t" | "?" | "observe";

/** Upper case: request, lower case: response; H headers, B body, T trailers, with a full stop when they end the direction. */
function eventOf(said: Said): HostEvent {
  const phase = said === said.toUpperCase() ? ("request" as const) : ("response" as const);
  const endOfStream = said.endsWith(".");
  switch (said.charAt(0).toUpperCase()) {
    case "H": {
      const headers = new HeaderList();
      headers.add(":path", Buffer.from("/upload"));
      return { kind: "headers", phase, headers, endOfStream };
    }
    case "B":
      return { kind: "body", phase, body: Buffer.from("x"), endOfStream };
    case "T":
      return { kind: "trailers", phase };
    default:
      return { kind: "unknown" };
  }
}

/** What the picker answers to a stream, message by message; "error" when it ends the stream as out of order. */
function answersTo(messages: readonly Said[], modes: readonly [BodyMode, BodyMode], lateModes = modes): string[] {
  const world = new World(1, {});
  world.resize(2);
  const sent: PickerMessage[] = [];
  const exchange = new Exchange(
    world.deps,
    (message) => sent.push(message),
    () => {},
  );
  const answers: string[] = [];
  try {
    for (const [at, said] of messages.entries()) {
      const [requestBodyMode, responseBodyMode] = at === 0 ? modes : lateModes;
      const message: HostMessage = {
        event: eventOf(said),
        metadata: undefined,
        observabilityMode: said === "observe",
        protocolConfig: { requestBodyMode, responseBodyMode },
      };
      exchange.receive(message);
    }
  } catch (error) {
    assert.ok(error instanceof OutOfOrderError, String(error));
    answers.push("error");
  }
  exchange.end();
  assert.equal(world.store.ledger.total, 0);
  assert.equal(world.budget.usedBytes, 0);
  return [
    ...sent.map((message) =>
      message.kind === "immediate" ? String(message.status) : `${message.phase} ${message.kind}`,
    ),
    ...answers,
  ];
}

const duplex = ["full-duplex-streamed", "full-duplex-streamed"] as const;
const buffered = ["buffered", "buffered"] as const;
const streamed = ["streamed", "streamed"] as const;
const request = ["request headers", "request streamed-body"];
const response = ["response headers", "response streamed-body"];

const cases: readonly { name: string; messages: Said[]; modes?: readonly [BodyMode, BodyMode]; want: string[] }[] = [
  { name: "a body before the headers", messages: ["B."], want: ["error"] },
  { name: "trailers before the headers", messages: ["T"], want: ["error"] },
  { name: "a response body before its headers", messages: ["b."], want: ["error"] },
  { name: "second headers", messages: ["H", "H"], want: ["error"] },
  { name: "second headers of a response", messages: ["h", "h"], want: ["response headers", "error"] },
  { name: "a body after the end of the request", messages: ["H", "B.", "B."], want: [...request, "error"] },
  {
    name: "a body after the trailers",
    messages: ["H", "B", "T", "B"],
    want: [...request, "request trailers", "error"],
  },
  { name: "second trailers", messages: ["H", "B", "T", "T"], want: [...request, "request trailers", "error"] },
  {
    name: "trailers after the end, which is harmless",
    messages: ["H", "B.", "T"],
    want: [...request, "request trailers"],
  },
  { name: "a response body after its end", messages: ["h", "b.", "b"], want: [...response, "error"] },
  { name: "a response body after headers that ended it", messages: ["h.", "b."], want: ["response headers", "error"] },
  {
    name: "a response body after the trailers",
    messages: ["h", "b", "t", "b"],
    want: [...response, "response trailers", "error"],
  },
  {
    name: "second trailers of a response",
    messages: ["h", "t", "t"],
    want: ["response headers", "response trailers", "error"],
  },
  { name: "trailers alone", messages: ["t"], want: ["error"] },
  { name: "unknown messages, which are passed over", messages: ["?", "H", "?", "B.", "?"], want: request },
  { name: "a host that only observes", messages: ["observe", "H."], want: [] },
  {
    name: "a streamed body after the trailers",
    messages: ["H", "B", "T", "B"],
    modes: streamed,
    want: ["request headers", "request body", "request trailers", "error"],
  },
  {
    name: "a second body from a host that buffers",
    messages: ["H", "B", "B"],
    modes: buffered,
    want: ["request headers", "request body", "error"],
  },
  {
    name: "trailers without a body from a host that buffers",
    messages: ["H", "T"],
    modes: buffered,
    want: ["request headers", "400"],
  },
];
for (const { name, messages, modes = duplex, want } of cases) {
  test(`T50 ${name}`, () => assert.deepEqual(answersTo(messages, modes), want));
}

test("T50 body modes count in the first message alone", () => {
  assert.deepEqual(answersTo(["H", "B.", "h", "b."], duplex, buffered), [...request, ...response]);
  assert.deepEqual(answersTo(["H", "B."], buffered, duplex), ["request headers", "request body"]);
});
