import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { noParameters } from "../../src/scheduling/parameters.ts";
import { definePlugin } from "../../src/scheduling/plugin.ts";
import type { ResponseFacts } from "../../src/scheduling/roles.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { aConfig, aRegistry } from "../support/a-plan.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { type Answer, type EnvoyStream, type HeaderPairs, setHeaders } from "../support/ext-proc-client.ts";
import { type FakeModelServer, startFakeModelServer } from "../support/fake-model-server.ts";

const json: HeaderPairs = [
  [":status", "200"],
  ["content-type", "application/json"],
];
const sse: HeaderPairs = [
  [":status", "200"],
  ["content-type", "text/event-stream"],
];
const usage = '{"usage":{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17}}';

/** Reports the tokens of a response to the gateway, and keeps what it was told. */
const reporter = (told: ResponseFacts[]) =>
  definePlugin({
    type: "reporter",
    summary: "",
    parameters: noParameters,
    roles: ["responder"],
    create: () => ({
      responder: {
        headers: (facts) => {
          told.push(facts);
          return [];
        },
        metadata: (facts) => {
          told.push(facts);
          return {
            "envoy.lb": { cost: facts.usage?.totalTokens ?? -1 },
            "x.example": { path: facts.endpoint.address },
          };
        },
      },
    }),
  });

async function aPicker(t: TestContext, told: ResponseFacts[] = []): Promise<TestPicker> {
  const config = aConfig("plugins: [{type: queue-scorer}, {type: reporter}]");
  return startTestPicker(t, [await startFakeModelServer(t)], { config, registry: aRegistry([reporter(told)]) });
}

/** A stream whose request was routed; its answers are taken. */
async function routed(
  picker: TestPicker,
  more: object = {},
  headers: HeaderPairs = completionHeaders,
): Promise<EnvoyStream> {
  const stream = picker.open().requestHeaders(headers, false, more).requestBody(completion("base"));
  await stream.until(isLastOfRequest);
  return stream;
}

/** What each answer's metadata says, in order. */
function costs(answers: readonly Answer[]): (number | undefined)[] {
  return answers.map(({ dynamic_metadata: metadata }) => {
    const fields = metadata?.fields["envoy.lb"]?.structValue.fields as
      | Record<string, { numberValue?: number }>
      | undefined;
    return fields?.["cost"]?.numberValue;
  });
}

const buffered = { protocol_config: { request_body_mode: 2, response_body_mode: 2 } };

const ends: [what: string, send: (stream: EnvoyStream) => void, costs: (number | undefined)[]][] = [
  [
    "a streamed response that ends with its body",
    (stream) => stream.responseHeaders(sse).responseBody(`data: ${usage}\n\n`).responseBody("", true),
    [undefined, undefined, 17],
  ],
  [
    "a streamed response that ends with trailers",
    (stream) => stream.responseHeaders(sse).responseBody(`data: ${usage}\n\n`).responseTrailers(),
    [undefined, undefined, 17],
  ],
  [
    "a streamed response with trailers after its end",
    (stream) => stream.responseHeaders(sse).responseBody(`data: ${usage}\n\n`, true).responseTrailers(),
    [undefined, 17, undefined],
  ],
  [
    "a held response that ends with its body",
    (stream) => stream.responseHeaders(json).responseBody(usage.slice(0, 9)).responseBody(usage.slice(9), true),
    [undefined, 17],
  ],
  [
    "a held response of several pieces",
    (stream) => stream.responseHeaders(json).responseBody(`${usage.slice(0, -1)},"x":"${"y".repeat(70_000)}"}`, true),
    [undefined, undefined, 17],
  ],
  [
    "a held response that ends with trailers",
    (stream) => stream.responseHeaders(json).responseBody(usage).responseTrailers(),
    [undefined, undefined, 17],
  ],
  ["a response without a body", (stream) => stream.responseHeaders(json, true), [-1]],
];

for (const [what, send, wanted] of ends) {
  test(`B18 metadata of plugins is on the final answer only: ${what}`, async (t) => {
    const stream = await routed(await aPicker(t));
    send(stream);
    assert.equal(await stream.close(), undefined);
    assert.deepEqual(costs(stream.answers), wanted);
  });
}

test("B18 metadata of plugins is on the final answer only: a host that buffers", async (t) => {
  const picker = await aPicker(t);
  const stream = picker.open().requestHeaders(completionHeaders, false, buffered);
  await stream.next();
  stream.requestBody(completion("base"));
  await stream.next();
  stream.responseHeaders(json).responseBody(usage, true);
  assert.equal(await stream.close(), undefined);
  assert.deepEqual(costs(stream.answers), [undefined, 17]);
});

const served = (address: string): object => ({
  metadata_context: {
    filter_metadata: {
      "envoy.lb": { fields: { "x-gateway-destination-endpoint-served": { stringValue: address } } },
    },
  },
});

test("B21 plugins see who served as the response says it, not what the request said", async (t) => {
  const told: ResponseFacts[] = [];
  const picker = await aPicker(t, told);
  const address = picker.picker.store.snapshot()[0]?.address ?? "";
  for (const [atRequest, atResponse, wanted] of [
    [served("10.6.6.6:1"), served(address), address],
    [served("10.6.6.6:1"), {}, undefined],
    [{}, served("10.0.0.7:8000"), "10.0.0.7:8000"],
  ] as const) {
    told.length = 0;
    const stream = await routed(picker, atRequest);
    stream.responseHeaders(json, false, atResponse).responseBody(usage, true);
    await stream.close();
    assert.deepEqual(
      told.map(({ servedAddress }) => servedAddress),
      [wanted, wanted],
    );
    assert.deepEqual(
      told.map(({ endpoint }) => endpoint.address),
      [address, address],
    );
    assert.ok(
      told.every(({ request }) => request.prompt.length === 0),
      "prompts are not kept",
    );
  }
});

/** A picker of several servers with one plugin and the queue scorer. */
async function pickerWith(t: TestContext, config: string, count = 3) {
  const servers: FakeModelServer[] = [];
  for (let i = 0; i < count; i++) servers.push(await startFakeModelServer(t));
  return { servers, picker: await startTestPicker(t, servers, { config: aConfig(config) }) };
}

test("K3 destination-endpoint-served-verifier tells the client the address that the gateway reports", async (t) => {
  const config = "plugins: [{type: queue-scorer}, {type: destination-endpoint-served-verifier}]";
  const { servers, picker } = await pickerWith(t, config);
  const addresses = [servers[1]?.address ?? "", "[2001:db8::7]:8000"];
  for (const address of addresses) {
    const stream = await routed(picker);
    stream.responseHeaders(json, false, served(address));
    assert.equal(setHeaders(await stream.next())["x-conformance-test-served-endpoint"], address);
    await stream.close();
  }
  const stream = await routed(picker, served(addresses[0] as string));
  stream.responseHeaders(json);
  assert.match(setHeaders(await stream.next())["x-conformance-test-served-endpoint"] ?? "", /^fail: /);
  await stream.close();
});

test("K1 header-based-testing-filter sends where the client says, and refuses the rest with 429", async (t) => {
  const { servers, picker } = await pickerWith(t, "plugins: [{type: header-based-testing-filter}]");
  const [a = "", b = "", c = ""] = servers.map(({ address }) => address);
  for (const [selection, allowed] of [
    [a, [a]],
    [`${b}, ${c}`, [b, c]],
    ["127.0.0.1", [a, b, c]],
  ] as const) {
    for (let i = 0; i < 8; i++) {
      const stream = picker
        .open()
        .requestHeaders([...completionHeaders, ["test-epp-endpoint-selection", selection]])
        .requestBody(completion("base"));
      const answer = await stream.next();
      assert.ok(allowed.includes(setHeaders(answer)["x-gateway-destination-endpoint"] ?? ""));
      await stream.close();
    }
  }
  for (const more of [[], [["test-epp-endpoint-selection", "10.9.9.9"]]] as [string, string][][]) {
    const stream = picker
      .open()
      .requestHeaders([...completionHeaders, ...more])
      .requestBody(completion("base"));
    assert.equal((await stream.next()).immediate_response?.status?.code, 429);
    await stream.close();
  }
});

for (const type of ["session-affinity-filter", "session-affinity-scorer"]) {
  test(`H6 the first answer carries a token, requests with it go to the same server (${type})`, async (t) => {
    const { servers, picker } = await pickerWith(t, `plugins: [{type: ${type}}]`);
    const request = async (more: HeaderPairs): Promise<{ destination: string; token: string }> => {
      const stream = picker
        .open()
        .requestHeaders([...completionHeaders, ...more])
        .requestBody(completion("base"));
      const [answer = {}] = await stream.until(isLastOfRequest);
      stream.responseHeaders(json);
      const token = setHeaders(await stream.next())["x-session-token"] ?? "";
      stream.responseBody("{}", true);
      await stream.close();
      return { destination: setHeaders(answer)["x-gateway-destination-endpoint"] ?? "", token };
    };
    const first = await request([]);
    const index = servers.findIndex(({ address }) => address === first.destination);
    assert.equal(Buffer.from(first.token, "base64").toString(), `default/server-${index}`);
    for (let i = 0; i < 8; i++) assert.deepEqual(await request([["X-Session-Token", first.token]]), first);
    const others = new Set<string>();
    for (let i = 0; i < 24; i++) others.add((await request([["x-session-token", "no token"]])).destination);
    assert.ok(others.size > 1, "an undecodable token is no token");
  });
}

test("H6 the token names the server that served in the end", async (t) => {
  const { servers, picker } = await pickerWith(t, "plugins: [{type: session-affinity-filter}]");
  const stream = await routed(picker);
  stream.responseHeaders(json, false, served(servers[2]?.address ?? ""));
  const token = setHeaders(await stream.next())["x-session-token"] ?? "";
  assert.equal(Buffer.from(token, "base64").toString(), "default/server-2");
  await stream.close();
});
