import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders } from "../support/exchanges.ts";
import { type Answer, setHeaders } from "../support/ext-proc-client.ts";
import { type FakeModelServer, startFakeModelServer } from "../support/fake-model-server.ts";

interface Pool {
  readonly picker: TestPicker;
  readonly servers: readonly FakeModelServer[];
}

/** Three servers, the last one the least loaded. */
async function aPool(t: TestContext, options: Parameters<typeof startTestPicker>[2] = {}): Promise<Pool> {
  const servers = [];
  for (const waiting of [9, 5, 1]) servers.push(await startFakeModelServer(t, { waiting }));
  const config = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{ type: queue-scorer }]\n";
  return { picker: await startTestPicker(t, servers, { config, ...options }), servers };
}

const list = (items: object[]): object => ({ listValue: { values: items } });
const text = (value: string): object => ({ stringValue: value });

/** Metadata of one namespace with one key. */
function metadata(namespace: string, key: string, value: object): object {
  return { metadata_context: { filter_metadata: { [namespace]: { fields: { [key]: value } } } } };
}

function subset(value: object): object {
  return metadata("envoy.lb.subset_hint", "x-gateway-destination-endpoint-subset", value);
}

/** First answer to a completion whose hint comes with the headers or with the body. */
async function firstAnswer(picker: TestPicker, hint: object, place: "headers" | "body" = "body"): Promise<Answer> {
  const stream = picker.open();
  stream.requestHeaders(completionHeaders, false, place === "headers" ? hint : {});
  stream.requestBody(completion("base"), true, place === "body" ? hint : {});
  const answer = await stream.next();
  await stream.close();
  return answer;
}

const destination = (answer: Answer): string | undefined => setHeaders(answer)["x-gateway-destination-endpoint"];

for (const place of ["headers", "body"] as const) {
  test(`A9 picks the best within the subset, hint with the ${place}`, async (t) => {
    const { picker, servers } = await aPool(t);
    const hint = subset(list([text(servers[0]?.address ?? ""), text(servers[1]?.address ?? "")]));
    assert.equal(destination(await firstAnswer(picker, hint, place)), servers[1]?.address);
  });
}

const shapes: readonly [what: string, hint: (addresses: string[]) => object][] = [
  ["a comma-separated string", ([first, second]) => text(`${first}, ${second}`)],
  [
    "a list with foreign members",
    ([first, second]) => list([text("10.9.9.9:80"), text(first ?? ""), { numberValue: 4 }, text(second ?? "")]),
  ],
];
for (const [what, hint] of shapes) {
  test(`T02 takes the subset as ${what}`, async (t) => {
    const { picker, servers } = await aPool(t);
    const answer = await firstAnswer(picker, subset(hint(servers.map(({ address }) => address))));
    assert.equal(destination(answer), servers[1]?.address);
  });
}

test("T02 a bare IP stands for every port of it", async (t) => {
  const { picker, servers } = await aPool(t);
  assert.equal(destination(await firstAnswer(picker, subset(list([text("127.0.0.1")])))), servers[2]?.address);
});

const carriers: readonly (readonly [what: string, later: object])[] = [
  ["no metadata", {}],
  ["an empty metadata context", { metadata_context: {} }],
  ["metadata of another namespace", metadata("envoy.lb", "x", text("y"))],
  ["another key in the namespace of the hint", metadata("envoy.lb.subset_hint", "x", text("y"))],
];
for (const [what, later] of carriers) {
  test(`T02 A9 a hint that came with the headers holds when the body comes with ${what}`, async (t) => {
    const { picker, servers } = await aPool(t);
    const stream = picker.open();
    stream.requestHeaders(completionHeaders, false, subset(list([text(servers[0]?.address ?? "")])));
    stream.requestBody(completion("base"), true, later);
    assert.equal(destination(await stream.next()), servers[0]?.address);
    await stream.close();
  });
}

test("T02 a hint with the last bytes takes the place of the one with the headers", async (t) => {
  const { picker, servers } = await aPool(t);
  const stream = picker.open();
  stream.requestHeaders(completionHeaders, false, subset(list([text(servers[0]?.address ?? "")])));
  stream.requestBody(completion("base"), true, subset(list([text(servers[1]?.address ?? "")])));
  assert.equal(destination(await stream.next()), servers[1]?.address);
  await stream.close();
});

const empty: readonly [id: string, what: string, hint: object][] = [
  ["A11", "names nobody of the pool", list([text("192.168.1.99:8000")])],
  ["A12", "is an empty list", list([])],
  ["T02", "is an empty string", text("")],
  ["T02", "is a number", { numberValue: 1 }],
  ["T02", "is a list of numbers", list([{ numberValue: 1 }])],
  ["T02", "is null", { nullValue: 0 }],
  ["T02", "is true", { boolValue: true }],
  ["T02", "is a struct", { structValue: { fields: {} } }],
  ["T02", "is a list in a list", list([list([text("127.0.0.1")])])],
  ["T02", "is commas", text(",,")],
  ["T02", "is a prefix of an IP", text("127.0.0")],
  ["T02", "has the right IP with another port", list([text("127.0.0.1:1")])],
];
for (const [id, what, hint] of empty) {
  test(`${id} refuses with 503 when the subset ${what}`, async (t) => {
    const { picker } = await aPool(t);
    const answer = await firstAnswer(picker, subset(hint));
    assert.equal(answer.immediate_response?.status?.code, 503);
    assert.equal(
      String(answer.immediate_response?.body),
      "inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request",
    );
    assert.equal(setHeaders(answer)["x-llm-d-request-dropped-reason"], "rejected-no-endpoints");
  });
}

test("A15 with the subset filter disabled every endpoint is a candidate, also for no match and an empty list", async (t) => {
  const { picker, servers } = await aPool(t, { ignoreSubset: true });
  for (const hint of [list([text("192.168.1.99:8000")]), list([])]) {
    assert.equal(destination(await firstAnswer(picker, subset(hint))), servers[2]?.address);
  }
});

test("a header-only request honours the subset too", async (t) => {
  const { picker, servers } = await aPool(t);
  const stream = picker.open();
  stream.requestHeaders(
    [
      [":method", "GET"],
      [":path", "/v1/models"],
    ],
    true,
    subset(list([text(servers[0]?.address ?? "")])),
  );
  assert.equal(destination(await stream.next()), servers[0]?.address);
  await stream.close();
});

test("T02 a subset in a client's header is ignored and removed", async (t) => {
  const { picker, servers } = await aPool(t);
  const stream = picker.open();
  stream.requestHeaders([...completionHeaders, ["x-gateway-destination-endpoint-subset", servers[0]?.address ?? ""]]);
  stream.requestBody(completion("base"));
  assert.equal(destination(await stream.next()), servers[2]?.address);
  await stream.close();
});

test("B21 the endpoint that served in the end takes over the request in flight", async (t) => {
  const { picker, servers } = await aPool(t);
  const inFlight = (): (number | undefined)[] =>
    picker.picker.store.snapshot().map(({ inFlightRequests }) => inFlightRequests);
  const stream = picker.open();
  stream.requestHeaders(completionHeaders).requestBody(completion("base"));
  await stream.next();
  await stream.next();
  assert.deepEqual(inFlight(), [0, 0, 1]);
  const served = metadata("envoy.lb", "x-gateway-destination-endpoint-served", text(servers[0]?.address ?? ""));
  stream.responseHeaders([[":status", "200"]], false, served);
  await stream.next();
  assert.deepEqual(inFlight(), [1, 0, 0]);
  stream.responseBody("{}", true);
  await stream.next();
  assert.deepEqual(inFlight(), [0, 0, 0]);
  await stream.close();
});

function scoresIn(answer: Answer): object | undefined {
  const namespace = answer.dynamic_metadata?.fields["envoy.lb"]?.structValue.fields as
    | Record<string, { structValue?: { fields: object } }>
    | undefined;
  return namespace?.["x-gateway-destination-endpoint-scores"]?.structValue?.fields;
}
test("B21 only what the response says counts as the endpoint that served", async (t) => {
  const { picker, servers } = await aPool(t);
  const inFlight = (): (number | undefined)[] =>
    picker.picker.store.snapshot().map(({ inFlightRequests }) => inFlightRequests);
  const served = metadata("envoy.lb", "x-gateway-destination-endpoint-served", text(servers[0]?.address ?? ""));
  const stream = picker.open();
  stream.requestHeaders(completionHeaders, false, served).requestBody(completion("base"), true, served);
  await stream.next();
  await stream.next();
  stream.responseHeaders([[":status", "200"]]);
  await stream.next();
  assert.deepEqual(inFlight(), [0, 0, 1]);
  await stream.close();
});

test("C6 H7 scores of every candidate are in the metadata when asked for", async (t) => {
  const { picker, servers } = await aPool(t, { emitScores: true });
  const answer = await firstAnswer(
    picker,
    subset(list([text(servers[0]?.address ?? ""), text(servers[2]?.address ?? "")])),
  );
  assert.deepEqual(scoresIn(answer), {
    [servers[0]?.address ?? ""]: { numberValue: 0, kind: "numberValue" },
    [servers[2]?.address ?? ""]: { numberValue: 1, kind: "numberValue" },
  });
});

test("C6 every candidate has a score of 0 when scores are on and nothing is scored, as recorded (protocol 10.7)", async (t) => {
  const config = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{ type: random-picker }]\n";
  const { picker, servers } = await aPool(t, { emitScores: true, config });
  assert.deepEqual(
    scoresIn(await firstAnswer(picker, {})),
    Object.fromEntries(servers.map(({ address }) => [address, { numberValue: 0, kind: "numberValue" }])),
  );
});

test("C6 no scores are in the metadata when they are off", async (t) => {
  const { picker } = await aPool(t, {});
  const answer = await firstAnswer(picker, {});
  assert.deepEqual(Object.keys(answer.dynamic_metadata?.fields["envoy.lb"]?.structValue.fields ?? {}), [
    "x-gateway-destination-endpoint",
  ]);
});
