import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createRandom } from "../../src/lib/random.ts";
import { startTestPicker, type TestPicker, type TestPickerOptions } from "../support/a-picker.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { type Answer, type EnvoyStream, type HeaderPairs, setHeaders } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";

type Target = string | readonly [model: string, weight: number];

function anObject(kind: string, name: string, spec: object): string {
  const head = { apiVersion: "llm-d.ai/v1alpha2", kind, metadata: { name } };
  return `---\n${JSON.stringify({ ...head, spec: { poolRef: { name: "pool" }, ...spec } })}\n`;
}

function objective(name: string, priority?: number): string {
  return anObject("InferenceObjective", name, { priority });
}

/** A rewrite of one rule: for `model`, or generic. */
function rewrite(name: string, model: string | undefined, ...targets: readonly Target[]): string {
  const matches = model === undefined ? undefined : [{ model: { value: model } }];
  const listed = targets.map((target) =>
    typeof target === "string" ? { modelRewrite: target } : { modelRewrite: target[0], weight: target[1] },
  );
  return anObject("InferenceModelRewrite", name, { rules: [{ matches, targets: listed }] });
}

/** A picker with one server and these objects, and the file that holds them. */
async function aPicker(
  t: TestContext,
  objects: string,
  options: TestPickerOptions = {},
): Promise<TestPicker & { readonly objectsFile: string; readonly server: string }> {
  const folder = mkdtempSync(join(tmpdir(), "epp-objects-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const objectsFile = join(folder, "objects.yaml");
  writeFileSync(objectsFile, objects);
  const server = await startFakeModelServer(t);
  return { ...(await startTestPicker(t, [server], { objectsFile, ...options })), objectsFile, server: server.address };
}

interface Asked {
  readonly stream: EnvoyStream;
  /** Status of a refusal. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The body that goes to the model server, or that of the refusal. */
  readonly body: string;
}

async function ask(picker: TestPicker, body: string, more: HeaderPairs = [], path = "/v1/completions"): Promise<Asked> {
  const headers = [...completionHeaders.filter(([name]) => name !== ":path"), [":path", path] as const, ...more];
  const stream = picker.open().requestHeaders(headers).requestBody(body);
  const answers = await stream.until(isLastOfRequest);
  const [first = {}] = answers;
  const refusal = first.immediate_response;
  if (refusal !== undefined) return { stream, status: refusal.status?.code, headers: {}, body: String(refusal.body) };
  return { stream, status: undefined, headers: setHeaders(first), body: bodyOf(answers) };
}

function bodyOf(answers: readonly Answer[]): string {
  return answers
    .map(({ request_body: request, response_body: response }) => request?.response ?? response?.response)
    .map((common) => String(common?.body_mutation?.streamed_response?.body ?? ""))
    .join("");
}

const named = (objectiveName: string): HeaderPairs => [["x-llm-d-inference-objective", objectiveName]];
const renamed = (model: string): HeaderPairs => [["x-llm-d-model-name-rewrite", model]];

/** The series of routed requests with these labels. */
function requests(model: string, target: string, priority: number): string {
  return `llm_d_epp_request_total{model_name="${model}",target_model_name="${target}",fairness_id="default-flow",priority="${priority}"}`;
}

function decisions(name: string, model: string, target: string): readonly string[] {
  const labels = `{model_rewrite_name="${name}",model_name="${model}",target_model="${target}"}`;
  return [
    `llm_d_epp_model_rewrite_decisions_total${labels}`,
    `inference_extension_model_rewrite_decisions_total${labels}`,
  ];
}

test("A16 passthrough applies the objective to bytes that nobody reads, and no rule", async (t) => {
  const picker = await aPicker(t, objective("direct-model", 2) + rewrite("r", undefined, "x"), {
    config: `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{ type: queue-scorer }, { type: passthrough-parser }]
requestHandler: { parsers: [{ pluginRef: passthrough-parser }] }
`,
  });
  const { headers, body } = await ask(picker, "no json, \u0000", named("direct-model"));
  assert.equal(headers["x-gateway-destination-endpoint"], picker.server);
  assert.equal(body, "no json, \u0000");
  assert.equal(await picker.sample(requests("", "", 2)), 1);
});

test("A17 the objective's priority is the label, and an equal rewrite header leaves the body alone", async (t) => {
  const picker = await aPicker(t, objective("direct-model", 2));
  const sent = completion("my-model");
  const { headers, body } = await ask(picker, sent, [...named("direct-model"), ...renamed("my-model")]);
  assert.equal(headers["x-gateway-destination-endpoint"], picker.server);
  assert.equal(body, sent);
  assert.equal(await picker.sample(requests("my-model", "my-model", 2)), 1);
  const twin = 'inference_objective_request_total{model_name="my-model",target_model_name="my-model",priority="2"}';
  assert.equal(await picker.sample(twin), 1);
});

test("A17b an unknown objective, one without priority and none at all are priority 0", async (t) => {
  const picker = await aPicker(t, objective("sql-lora", 2) + objective("plain"));
  for (const headers of [named("nobody"), named("plain"), []]) await ask(picker, completion("m"), headers);
  assert.equal(await picker.sample(requests("m", "m", 0)), 3);
  await ask(picker, completion("m"), [["x-gateway-inference-objective", "sql-lora"]]);
  assert.equal(await picker.sample(requests("m", "m", 2)), 1, "the legacy header counts too");
});

test("T03 whatever the objective header says, only an object gives a priority", async (t) => {
  const picker = await aPicker(t, objective("least", -(2 ** 31)) + objective("most", 2 ** 31 - 1));
  for (const value of ["1e30", "-1", "NaN", "2147483648", "__proto__", "constructor"]) {
    const asked = await ask(picker, completion("m"), named(value));
    assert.equal(asked.status, undefined, value);
    await asked.stream.close();
  }
  assert.equal(await picker.sample(requests("m", "m", 0)), 6);
  for (const [name, priority] of [
    ["least", -2147483648],
    ["most", 2147483647],
  ] as const) {
    await (await ask(picker, completion("m"), named(name))).stream.close();
    assert.equal(await picker.sample(requests("m", "m", priority)), 1);
  }
});

test("T03 an objective header of 60 KB is refused", async (t) => {
  const picker = await aPicker(t, objective("gold", 1));
  const stream = picker.open().requestHeaders([...completionHeaders, ...named("v".repeat(60_000))]);
  assert.equal((await stream.next()).immediate_response?.status?.code, 400);
});

test("A18 a rule replaces the model's value and nothing else, and metrics show both names", async (t) => {
  const picker = await aPicker(t, rewrite("to-v2", "base", "base-v2"));
  const sent = ` {"z":12345678901234567890, "model" : "base","prompt":"<&>\\u00e9 \\"model\\": \\"base\\"", "f":1.0e2}\n`;
  const asked = await ask(picker, sent, [["content-length", String(sent.length)]]);
  const want = sent.replace(': "base","prompt"', ': "base-v2","prompt"');
  assert.equal(asked.body, want);
  assert.equal(asked.headers["content-length"], String(want.length));
  assert.equal(await picker.sample(requests("base", "base-v2", 0)), 1);
  for (const series of decisions("to-v2", "base", "base-v2")) assert.equal(await picker.sample(series), 1, series);
  asked.stream.responseHeaders([
    [":status", "200"],
    ["content-type", "application/json"],
  ]);
  asked.stream.responseBody('{"model":"base-v2","choices":[]}', true);
  await asked.stream.close();
  assert.equal(bodyOf(asked.stream.answers), '{"model":"base","choices":[]}', "the client sees the name it asked for");
});

test("A19 a rule that chooses the body's model leaves bytes and length alone", async (t) => {
  const picker = await aPicker(t, rewrite("same", "base", "base"));
  const sent = '{"prompt":"é", "model": "b\\u0061se"}';
  const length = String(Buffer.byteLength(sent));
  const { body, headers } = await ask(picker, sent, [["content-length", length]]);
  assert.deepEqual([body, headers["content-length"]], [sent, length]);
  for (const series of decisions("same", "base", "base")) assert.equal(await picker.sample(series), 1);
});

test("D8 a generic rule supplies a missing model; without one it is 400", async (t) => {
  const generic = await aPicker(t, rewrite("default-model", undefined, "base"));
  assert.equal((await ask(generic, '{"prompt":"x"}')).body, '{"model":"base","prompt":"x"}');
  assert.equal((await ask(generic, '{"model":"","prompt":"x"}')).body, '{"model":"base","prompt":"x"}');
  assert.equal(await generic.sample(requests("", "base", 0)), 2);
  const exact = await aPicker(t, rewrite("r", "base", "other"));
  const { status, body } = await ask(exact, '{"prompt":"x"}');
  assert.deepEqual([status, body], [400, "inference error: BadRequest - model not found in request body"]);
});

test("K8 the rewrite header changes the body's model, a rule for the body's model or a generic one overrides that", async (t) => {
  const plain = await aPicker(t, objective("gold", 1));
  assert.equal((await ask(plain, completion("base"), renamed("tuned"))).body, completion("tuned"));
  const exact = await aPicker(t, rewrite("r", "tuned", "tuned-v2") + rewrite("s", "base", "base-v2"));
  assert.equal((await ask(exact, completion("base"), renamed("tuned"))).body, completion("base-v2"));
  assert.equal((await ask(exact, completion("other"), renamed("tuned"))).body, completion("tuned"));
  for (const series of decisions("s", "base", "base-v2")) assert.equal(await exact.sample(series), 1);
  const generic = await aPicker(t, rewrite("r", undefined, "any"));
  assert.equal((await ask(generic, completion("base"), renamed("tuned"))).body, completion("any"));
});

test("an exact rule comes before a generic one that stands first", async (t) => {
  const picker = await aPicker(t, rewrite("all", undefined, "any") + rewrite("one", "base", "base-v2"));
  assert.equal((await ask(picker, completion("base"))).body, completion("base-v2"));
  assert.equal((await ask(picker, completion("Base"))).body, completion("any"));
});

test("targets are chosen by weight, and the decisions counted for each", async (t) => {
  const picker = await aPicker(t, rewrite("canary", "m", ["v1", 3], ["v2", 1], "never"), { random: createRandom(5) });
  for (let i = 0; i < 100; i++) await (await ask(picker, completion("m"))).stream.close();
  const [v1, v2, never] = await Promise.all(
    ["v1", "v2", "never"].map((target) => picker.sample(decisions("canary", "m", target)[0] ?? "")),
  );
  assert.equal((v1 ?? 0) + (v2 ?? 0), 100);
  assert.ok((v2 ?? 0) >= 15 && (v2 ?? 0) <= 35, `${v2} of 100, expected about 25`);
  assert.equal(never, undefined);
});

const unrenamed: readonly [api: string, path: string, body: string][] = [
  ["SGLang generate", "/generate", '{"input_ids":[1,2],"sampling_params":{"max_new_tokens":1}}'],
  ["count_tokens", "/v1/messages/count_tokens", '{"model":"base"}'],
  ["an unknown path", "/v2/else", "not json"],
];
for (const [api, path, body] of unrenamed) {
  test(`${api} cannot rename: no rule, no 400, the body as it came`, async (t) => {
    const types = ["openai", "anthropic", "sglanghttp", "passthrough"].map((name) => `${name}-parser`);
    const picker = await aPicker(t, objective("gold", 7) + rewrite("all", undefined, "any"), {
      config: `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{ type: queue-scorer }, ${types.map((type) => `{ type: ${type} }`).join(", ")}]
requestHandler: { parsers: [${types.map((type) => `{ pluginRef: ${type} }`).join(", ")}] }
`,
    });
    const asked = await ask(picker, body, named("gold"), path);
    assert.deepEqual([asked.status, asked.body], [undefined, body]);
    assert.equal(await picker.sample(requests("", "", 7)), 1);
    assert.doesNotMatch(await picker.metrics(), /^llm_d_epp_model_rewrite_decisions_total\{/m);
  });
}

/** Waits for a sample of the metrics page that real files and timers bring about; fails after 5 s. */
async function untilSample(picker: TestPicker, series: string, value: number): Promise<void> {
  for (const deadlineMs = performance.now() + 5000; (await picker.sample(series)) !== value; ) {
    if (performance.now() > deadlineMs) throw new Error(`no ${series} ${value} within 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const reloads = (outcome: string): string => `epp_file_reloads_total{file="objects",outcome="${outcome}"}`;

test("F17 a changed file changes priorities and rules while the picker serves; a bad one changes nothing", async (t) => {
  const picker = await aPicker(t, objective("gold", 2) + rewrite("r", "m", "x"));
  await ask(picker, completion("m"), named("gold"));
  assert.equal(await picker.sample(requests("m", "x", 2)), 1);
  writeFileSync(picker.objectsFile, objective("gold", 5) + rewrite("r", "m", "y"));
  await untilSample(picker, reloads("ok"), 1);
  await ask(picker, completion("m"), named("gold"));
  assert.equal(await picker.sample(requests("m", "y", 5)), 1);
  writeFileSync(picker.objectsFile, objective("gold", 2 ** 31) + rewrite("r", "m", "z"));
  await untilSample(picker, reloads("rejected"), 1);
  await ask(picker, completion("m"), named("gold"));
  assert.equal(await picker.sample(requests("m", "y", 5)), 2);
  writeFileSync(picker.objectsFile, "# none\n");
  await untilSample(picker, reloads("ok"), 2);
  await ask(picker, completion("m"), named("gold"));
  assert.equal(await picker.sample(requests("m", "m", 0)), 1);
});

test("a picker does not start with an objects file that it cannot use", async (t) => {
  await assert.rejects(aPicker(t, objective("gold", 0.5)), { message: /^Cannot use objects file ".*": 1 problem\n/ });
});
