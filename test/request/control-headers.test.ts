import assert from "node:assert/strict";
import { test } from "node:test";
import {
  controlHeaderNames,
  type HeaderLookup,
  readControlHeaders,
  requestPath,
  routingHeaderNames,
} from "../../src/request/control-headers.ts";

const lookup =
  (headers: Readonly<Record<string, string>>): HeaderLookup =>
  (name) =>
    new Map(Object.entries(headers)).get(name);
const none = { kind: "read", objective: "", fairnessId: "", modelRewrite: "", onlyIfCached: false, requestId: "" };

const cases: readonly { name: string; headers: Record<string, string>; want: object }[] = [
  { name: "C3 reads nothing from no headers", headers: {}, want: none },
  {
    name: "C3 takes the new name over the legacy one",
    headers: {
      "x-gateway-inference-objective": "old",
      "x-llm-d-inference-objective": "new",
      "x-gateway-inference-fairness-id": "old",
      "x-llm-d-inference-fairness-id": "new",
      "x-gateway-model-name-rewrite": "old",
      "x-llm-d-model-name-rewrite": "new",
    },
    want: { ...none, objective: "new", fairnessId: "new", modelRewrite: "new" },
  },
  {
    name: "C3 takes the legacy name alone, or when the new one is empty",
    headers: { "x-gateway-inference-objective": "old", "x-llm-d-inference-objective": "" },
    want: { ...none, objective: "old" },
  },
  {
    name: "D11 reads Prefer: if-available",
    headers: { prefer: "a=1, IF-Available; x=1" },
    want: { ...none, onlyIfCached: true },
  },
  { name: "C7 keeps a request id", headers: { "x-request-id": "r-1" }, want: { ...none, requestId: "r-1" } },
  { name: "C7 drops an unusable request id", headers: { "x-request-id": "a\nb" }, want: none },
  {
    name: "accepts 256 characters",
    headers: { "x-llm-d-inference-objective": "o".repeat(256) },
    want: { ...none, objective: "o".repeat(256) },
  },
  {
    name: "refuses 257 characters",
    headers: { "x-llm-d-inference-objective": "o".repeat(257) },
    want: {
      kind: "invalid",
      message:
        'header "x-llm-d-inference-objective": found 257 characters, expected at most 256 without control characters',
    },
  },
  {
    name: "refuses control characters, naming the header that was used",
    headers: { "x-gateway-model-name-rewrite": "a\u0000" },
    want: {
      kind: "invalid",
      message:
        'header "x-gateway-model-name-rewrite": found 2 characters with control characters, expected at most 256 without control characters',
    },
  },
];
for (const { name, headers, want } of cases) {
  test(`control headers: ${name}`, () => assert.deepEqual(readControlHeaders(lookup(headers)), want));
}

test("C4 every header that is read for control is among those removed, lower-cased and once", () => {
  const asked: string[] = [];
  readControlHeaders((name) => {
    asked.push(name);
    return undefined;
  });
  const removed = [...controlHeaderNames, ...routingHeaderNames];
  // Standard headers that the model server may read too.
  const shared = ["x-request-id", "prefer"];
  for (const name of asked.filter((asked) => !shared.includes(asked))) assert.ok(removed.includes(name), name);
  assert.deepEqual([...new Set(removed.map((name) => name.toLowerCase()))], removed);
});

const paths: readonly { headers: Record<string, string>; want: string }[] = [
  { headers: { ":path": "/a?b", "x-original-path": "/c" }, want: "/a?b" },
  { headers: { ":path": "", "x-original-path": "/c", "x-forwarded-path": "/d" }, want: "/c" },
  { headers: { "x-forwarded-path": "/d" }, want: "/d" },
  { headers: {}, want: "/v1/completions" },
];
for (const { headers, want } of paths) {
  test(`request path of ${JSON.stringify(headers)} is ${want}`, () => assert.equal(requestPath(lookup(headers)), want));
}
