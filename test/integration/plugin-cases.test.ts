import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { deny } from "../../src/scheduling/denial.ts";
import { noParameters } from "../../src/scheduling/parameters.ts";
import { definePlugin, type PluginDefinition, type PluginRoles } from "../../src/scheduling/plugin.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { aConfig, aRegistry } from "../support/a-plan.ts";
import { completion, completionHeaders, destinationOf, isLastOfRequest, requestAnswers } from "../support/exchanges.ts";
import { type Answer, removedHeaders, setHeaders, streamed } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

/** A plugin type without parameters that plays the roles it is given. */
function aPlugin(type: string, roles: PluginRoles): PluginDefinition {
  const names = Object.keys(roles) as (keyof PluginRoles)[];
  return definePlugin({ type, summary: "", parameters: noParameters, roles: names, create: () => roles });
}

/** A picker of one idle server, with some plugins beside the queue scorer. */
async function aPicker(t: TestContext, plugins: readonly PluginDefinition[], servers = 1): Promise<TestPicker> {
  const pool = [];
  for (let i = 0; i < servers; i++) pool.push(await startFakeModelServer(t));
  const entries = plugins.map(({ type }) => `{type: ${type}}`);
  const config = aConfig(`plugins: [{type: queue-scorer}, ${entries.join(", ")}]`);
  return startTestPicker(t, pool, { config, registry: aRegistry(plugins) });
}

interface Refusal {
  readonly status: number | undefined;
  readonly body: string;
  readonly reason: string | undefined;
}

/** How a completion is refused. */
async function refusalOf(picker: TestPicker): Promise<Refusal> {
  const [answer = {}] = await requestAnswers(picker, completion("base"));
  const { status, body } = answer.immediate_response ?? {};
  return { status: status?.code, body: String(body), reason: setHeaders(answer)["x-llm-d-request-dropped-reason"] };
}

const preparing = (type: string, asked: string[], outcome: "ok" | "throw" | Parameters<typeof deny>[0]) =>
  aPlugin(type, {
    preparer: {
      prepare: () => {
        asked.push(type);
        if (outcome === "throw") throw new Error("a bug");
        return outcome === "ok" ? [["x-prepared", type]] : deny(outcome, `${type} says no`);
      },
    },
  });

const preparations: [what: string, outcomes: ("ok" | "throw" | Parameters<typeof deny>[0])[], refusal: Refusal][] = [
  [
    "one denial keeps its code",
    ["PreconditionFailed", "ok"],
    { status: 412, body: "inference error: PreconditionFailed - p0 says no", reason: "rejected-not-cached" },
  ],
  [
    "one that throws is 500",
    ["throw", "ok"],
    {
      status: 500,
      body: "inference error: Internal - the picker failed to process the request",
      reason: "rejected-internal",
    },
  ],
  [
    "two denials are 500",
    ["PreconditionFailed", "ResourceExhausted", "ok"],
    {
      status: 500,
      body: "inference error: Internal - PreconditionFailed: p0 says no; ResourceExhausted: p1 says no",
      reason: "rejected-internal",
    },
  ],
  [
    "a denial beside one that throws is 500",
    ["BadRequest", "throw", "ok"],
    {
      status: 500,
      body: "inference error: Internal - the picker failed to process the request",
      reason: "rejected-internal",
    },
  ],
];

for (const [what, outcomes, refusal] of preparations) {
  test(`D2 of the plugins that prepare a request ${what}, and all are asked`, async (t) => {
    const asked: string[] = [];
    const picker = await aPicker(
      t,
      outcomes.map((outcome, i) => preparing(`p${i}`, asked, outcome)),
    );
    assert.deepEqual(await refusalOf(picker), refusal);
    assert.deepEqual(
      asked,
      outcomes.map((_, i) => `p${i}`),
    );
    assert.equal(picker.picker.store.ledger.total, 0);
  });
}

test("D2 headers of plugins go onto the request, in place of the client's", async (t) => {
  const sets = aPlugin("sets", { preparer: { prepare: () => [["x-prefiller-host-port", "10.0.0.9:8000"]] } });
  const picker = await aPicker(t, [sets]);
  const [answer = {}] = await requestAnswers(picker, completion("base"), [
    ...completionHeaders,
    ["x-prefiller-host-port", "10.6.6.6:1"],
    ["x-encoder-hosts-ports", "10.6.6.6:1"],
  ]);
  assert.equal(setHeaders(answer)["x-prefiller-host-port"], "10.0.0.9:8000");
  assert.deepEqual(removedHeaders(answer), ["x-encoder-hosts-ports"]);
});

for (const [code, status, reason] of [
  ["ResourceExhausted", 429, "rejected-saturated"],
  ["ServiceUnavailable", 503, "rejected-no-endpoints"],
  ["BadRequest", 400, "rejected-bad-request"],
] as const) {
  test(`D4 an admitter's denial of ${code} is ${status}, and nothing is scheduled`, async (t) => {
    const filtered: number[] = [];
    const denies = aPlugin("denies", { admitter: { admit: () => deny(code, "not now") } });
    const looks = aPlugin("looks", {
      filter: { filter: (_cycle, candidates) => (filtered.push(candidates.length), candidates) },
    });
    const picker = await aPicker(t, [looks, denies]);
    assert.deepEqual(await refusalOf(picker), { status, body: `inference error: ${code} - not now`, reason });
    assert.deepEqual(filtered, []);
  });
}

test("D5 screeners that leave nobody are 503 rejected-no-endpoints, and nobody learns of the request", async (t) => {
  const produced: number[] = [];
  const screens = aPlugin("screens", { screener: { screen: () => [] } });
  const learns = aPlugin("learns", {
    producer: { produce: (_cycle, candidates) => produced.push(candidates.length) },
    scorer: { score: () => {} },
  });
  const picker = await aPicker(t, [learns, screens], 2);
  assert.deepEqual(await refusalOf(picker), {
    status: 503,
    body: "inference error: ServiceUnavailable - screeners eliminated all endpoint candidates",
    reason: "rejected-no-endpoints",
  });
  assert.deepEqual(produced, []);
});

test("D5 what a screener leaves is all that plugins see", async (t) => {
  const seen: string[] = [];
  const screens = aPlugin("screens", { screener: { screen: (_cycle, endpoints) => endpoints.slice(1) } });
  const learns = aPlugin("learns", {
    producer: { produce: (_cycle, candidates) => seen.push(...candidates.map(({ name }) => name)) },
    scorer: { score: () => {} },
  });
  const picker = await aPicker(t, [learns, screens], 3);
  const [answer = {}] = await requestAnswers(picker, completion("base"));
  assert.equal(answer.immediate_response, undefined);
  assert.deepEqual(seen, ["server-1", "server-2"]);
});

test("D6 a pool without endpoints is 503 rejected-no-endpoints", async (t) => {
  assert.deepEqual(await refusalOf(await aPicker(t, [], 0)), {
    status: 503,
    body: "inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request",
    reason: "rejected-no-endpoints",
  });
});

const handlers: [what: string, handler: PluginRoles["profileHandler"], refusal: Refusal][] = [
  [
    "a handler's denial keeps its code and reason",
    { primary: () => deny("ResourceExhausted", "failed to find target endpoint: no profile") },
    {
      status: 429,
      body: "inference error: ResourceExhausted - failed to find target endpoint: no profile",
      reason: "rejected-saturated",
    },
  ],
  [
    "a handler that names no profile is 500",
    { primary: () => "nobody" },
    {
      status: 500,
      body: "inference error: Internal - the picker failed to process the request",
      reason: "rejected-internal",
    },
  ],
  [
    "a handler that throws is 500",
    {
      primary: () => {
        throw new Error("a bug");
      },
    },
    {
      status: 500,
      body: "inference error: Internal - the picker failed to process the request",
      reason: "rejected-internal",
    },
  ],
];

for (const [what, profileHandler, refusal] of handlers) {
  test(`D7 of scheduling: ${what}`, async (t) => {
    const picker = await aPicker(t, [aPlugin("decides", { profileHandler } as PluginRoles)]);
    assert.deepEqual(await refusalOf(picker), refusal);
    assert.equal(picker.picker.store.ledger.total, 0);
  });
}

const byHeader = `plugins: [{type: header-profile-handler}, {type: label-selector-filter, parameters: {matchLabels: {stage: prefill}}}]
schedulingProfiles: [{name: decode}, {name: prefill, plugins: [{pluginRef: label-selector-filter}]}]
`;

test("D7 a header names the profile that runs; a name that no profile has is 429 with its reason", async (t) => {
  const [first, second] = [await startFakeModelServer(t), await startFakeModelServer(t)];
  const servers = [first, { ...second, labels: { stage: "prefill" } }];
  const picker = await startTestPicker(t, servers, { config: aConfig(byHeader) });
  const ask = async (profile: string): Promise<Answer> => {
    const [answer = {}] = await requestAnswers(picker, completion("base"), [
      ...completionHeaders,
      ["EPP-Profile", profile],
    ]);
    return answer;
  };
  for (let i = 0; i < 8; i++) {
    const answer = await ask("prefill");
    assert.equal(setHeaders(answer)["x-gateway-destination-endpoint"], second.address);
    assert.deepEqual(removedHeaders(answer), ["epp-profile"]);
  }
  const refused = await ask("nobody");
  assert.equal(refused.immediate_response?.status?.code, 429);
  assert.match(String(refused.immediate_response?.body), /^inference error: ResourceExhausted - failed to find target/);
  assert.equal(setHeaders(refused)["x-llm-d-request-dropped-reason"], "rejected-saturated");
});

test("a picked rank's request goes to the primary port of its server, and the gateway's word on it is understood", async (t) => {
  const server = await startFakeModelServer(t);
  const heard: string[] = [];
  const config = aConfig(`plugins:
  - {type: data-parallel-profile-handler, parameters: {primaryPort: 7777}}
  - {type: follows}
`);
  const picker = await startTestPicker(t, [server], { config, registry: aRegistry([following(heard)]) });
  const stream = picker
    .open()
    .requestHeaders([...completionHeaders, ["x-data-parallel-host-port", "10.6.6.6:1"]])
    .requestBody(completion("base"));
  const [answer = {}] = await stream.until(isLastOfRequest);
  assert.equal(setHeaders(answer)["x-gateway-destination-endpoint"], "127.0.0.1:7777");
  assert.equal(setHeaders(answer)["x-data-parallel-host-port"], server.address);
  const fields = { "x-gateway-destination-endpoint-served": { stringValue: "127.0.0.1:7777" } };
  stream.responseHeaders([[":status", "200"]], false, {
    metadata_context: { filter_metadata: { "envoy.lb": { fields } } },
  });
  stream.responseBody("{}", true);
  await stream.close();
  assert.deepEqual(heard, ["request-1 dispatched", "request-1 first byte", "request-1 completed"]);
});

/** A scorer that follows requests and notes what it hears. */
function following(heard: string[]): PluginDefinition {
  return aPlugin("follows", {
    scorer: { score: () => {} },
    producer: {
      produce: () => undefined,
      dispatched: ({ request }) => {
        heard.push(`${request.requestId} dispatched`);
        return {
          firstByte: () => heard.push(`${request.requestId} first byte`),
          ended: (cause) => heard.push(`${request.requestId} ${cause}`),
        };
      },
    },
  });
}

for (const where of ["before the response", "in the middle of the response"]) {
  test(`D14 a client that goes away ${where} ends its request once, as client-disconnect`, async (t) => {
    const heard: string[] = [];
    const picker = await aPicker(t, [following(heard)]);
    const stream = picker.open().requestHeaders(completionHeaders).requestBody(completion("base"));
    await stream.until(isLastOfRequest);
    assert.equal(picker.picker.store.ledger.total, 1);
    if (where !== "before the response") {
      stream.responseHeaders([[":status", "200"]]).responseBody("{", false);
      await stream.next();
      await until("first byte", () => heard.includes("request-1 first byte"));
    }
    stream.call.cancel();
    await until("end of the request", () => picker.picker.store.ledger.total === 0);
    assert.deepEqual(
      heard.filter((what) => what !== "request-1 first byte"),
      ["request-1 dispatched", "request-1 client-disconnect"],
    );
  });
}

test("D14 a request that is complete ends once, as completed", async (t) => {
  const heard: string[] = [];
  const picker = await aPicker(t, [following(heard)]);
  const stream = picker.open().requestHeaders(completionHeaders).requestBody(completion("base"));
  await stream.until(isLastOfRequest);
  stream.responseHeaders([[":status", "200"]]).responseBody("{}", true);
  await stream.next();
  await stream.next();
  stream.call.cancel();
  await stream.over;
  await until("end of the stream", () => picker.picker.store.ledger.total === 0);
  assert.deepEqual(heard, ["request-1 dispatched", "request-1 first byte", "request-1 completed"]);
});

test("D15 chunks of a response are answered in their order, each request for itself, also under one request id", async (t) => {
  const heard: string[] = [];
  const picker = await aPicker(t, [following(heard)]);
  const streams = [picker.open(), picker.open()];
  for (const stream of streams) {
    stream.requestHeaders(completionHeaders).requestBody(completion("base", "hi", { stream: true }));
    await stream.until(isLastOfRequest);
  }
  assert.equal(picker.picker.store.ledger.total, 2);
  const chunks = (of: number): string[] => Array.from({ length: 50 }, (_, i) => `data: ${of}-${i}\n\n`);
  for (const [of, stream] of streams.entries()) {
    stream.responseHeaders([
      [":status", "200"],
      ["content-type", "text/event-stream"],
    ]);
    for (const [i, chunk] of chunks(of).entries()) stream.responseBody(chunk, i === 49 && of === 1);
  }
  const bodies: string[][] = [];
  for (const stream of streams) {
    await stream.next();
    const answers: Answer[] = [];
    while (answers.length < 50) answers.push(await stream.next());
    bodies.push(answers.map((answer) => streamed(answer).body));
  }
  assert.deepEqual(bodies, [chunks(0), chunks(1)]);
  assert.equal(picker.picker.store.ledger.total, 1, "the one that has not ended is still under way");
  streams[0]?.call.cancel();
  await until("end of the other", () => picker.picker.store.ledger.total === 0);
  assert.deepEqual(heard.toSorted(), [
    "request-1 client-disconnect",
    "request-1 completed",
    "request-1 dispatched",
    "request-1 dispatched",
    "request-1 first byte",
    "request-1 first byte",
  ]);
});

test("prefix-cache-affinity-filter keeps to the holder of a prompt until that has too many tokens to compute", async (t) => {
  const servers = [await startFakeModelServer(t), await startFakeModelServer(t)];
  const config = aConfig(
    "plugins: [{type: prefix-cache-affinity-filter, parameters: {affinityThreshold: 0.4, maxTTFTPenaltyMs: 50, peakPrefillThroughput: 1000}}]",
  );
  const picker = await startTestPicker(t, servers, { config });
  const prompt = "A long system prompt. ".repeat(100);
  const holder = await destinationOf(picker, completion("base", prompt));
  for (let i = 0; i < 8; i++) assert.equal(await destinationOf(picker, completion("base", prompt)), holder);
  // Some 450 tokens more than the holder has: 450 ms.
  const held = picker.open().requestHeaders(completionHeaders);
  held.requestBody(completion("base", prompt + "And a long question, too. ".repeat(70)));
  await held.until(isLastOfRequest);
  const busy = picker.picker.store.snapshot().find(({ prefillTokens }) => prefillTokens > 50);
  assert.equal(busy?.address, holder);
  const seen = new Set<unknown>();
  for (let i = 0; i < 24; i++) seen.add(await destinationOf(picker, completion("base", prompt)));
  assert.equal(seen.size, 2, "the gate is open");
  await held.close();
});
