import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultParserTypes, parserTypes } from "../../src/config/component-plugins.ts";
import { defaultParsers, requestParsers, selectApi } from "../../src/request/apis.ts";
import { createBodyReader } from "../../src/request/body-reader.ts";

const allTypes = requestParsers.map(({ type }) => type);
const grpc = "/vllm.grpc.engine.VllmEngine";

const paths: readonly [path: string, api: string][] = [
  ["/v1/completions", "completions"],
  ["/v1/completions/", "completions"],
  ["/v1/completions?x=/chat/completions", "completions"],
  ["/v1/completions#/chat/completions", "completions"],
  ["/v1/chat/completions", "chat-completions"],
  ["/openai/v1/chat/completions/?a=b", "chat-completions"],
  ["completions", "completions"],
  ["/v1/foocompletions", "passthrough"],
  ["/v1/foochat/completions", "completions"],
  ["/v1/chat/completions/render", "chat-completions"],
  ["/v1/chat/completions/render/", "chat-completions"],
  ["/v1/completions/render", "completions"],
  ["/render", "passthrough"],
  ["/v1/embeddings", "embeddings"],
  ["/v1/responses", "responses"],
  ["/v1/responses/resp_1", "passthrough"],
  ["/v1/conversations", "conversations"],
  ["/v1/images/generations", "images"],
  ["/v1/generations", "passthrough"],
  ["/v1/messages", "messages"],
  ["/v1/messages/count_tokens", "count-tokens"],
  ["/v1/messages/count_tokens/", "count-tokens"],
  ["/v1/count_tokens", "passthrough"],
  ["/inference/v1/generate", "vllm-generate"],
  ["/generate", "sglang-generate"],
  ["/v1/generate", "sglang-generate"],
  [`${grpc}/Generate`, "vllm-grpc-generate"],
  [`${grpc}/Embed`, "vllm-grpc-embed"],
  [`${grpc}/HealthCheck`, "vllm-grpc-other"],
  [grpc, "passthrough"],
  [`${grpc}/Generate/more`, "passthrough"],
  ["/vllm.grpc.engine.OtherEngine/Generate", "passthrough"],
  ["/v1/models", "passthrough"],
  ["/constructor", "passthrough"],
  ["/", "passthrough"],
  ["", "passthrough"],
];
for (const [path, api] of paths) {
  test(`E1 E6 path "${path}" is ${api}, whatever the order of the parsers`, () => {
    assert.equal(selectApi(path, allTypes), api);
    assert.equal(selectApi(path, allTypes.toReversed()), api);
    assert.equal(createBodyReader(path, allTypes)?.api, api);
  });
}

test("E1 a path that no listed parser claims goes to the one that claims nothing, or to none", () => {
  assert.equal(selectApi("/v1/messages", ["openai-parser", "passthrough-parser"]), "passthrough");
  assert.equal(selectApi("/v1/messages", ["openai-parser"]), undefined);
  assert.equal(createBodyReader("/v1/messages", ["openai-parser"]), undefined);
  assert.equal(selectApi("/inference/v1/generate", ["sglanghttp-parser"]), "sglang-generate");
  assert.equal(selectApi("/v1/completions", ["passthrough-parser"]), "passthrough");
  assert.equal(selectApi("/v1/completions", []), undefined);
  assert.equal(selectApi("/v1/completions", ["no-parser"]), undefined);
});

test("E1 a type that is listed twice changes nothing", () => {
  assert.equal(selectApi("/v1/completions", ["openai-parser", "openai-parser"]), "completions");
});

test("the default parsers leave SGLang's and gRPC's paths alone", () => {
  assert.equal(selectApi("/generate"), "passthrough");
  assert.equal(selectApi(`${grpc}/Generate`), "passthrough");
  assert.equal(selectApi("/inference/v1/generate"), "vllm-generate");
  assert.equal(selectApi("/v1/messages"), "messages");
});

test("the parsers that a config may name are those that there are", () => {
  assert.deepEqual(parserTypes, allTypes);
  assert.deepEqual(defaultParserTypes, defaultParsers);
});
