import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress } from "../../src/datastore/endpoint.ts";
import { inSubset, servedEndpoint, mergeMetadata } from "../../src/routing/subset.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

const hosts: readonly (readonly [host: string, port: number])[] = [
  ["10.0.0.1", 8000],
  ["10.0.0.1", 8001],
  ["10.0.0.10", 8000],
  ["2001:db8::1", 8000],
  ["2001:db8::1", 8001],
  ["::ffff:a00:1", 8000],
];
const pool = hosts.map(([host, port]) => ({
  ...anEndpoint(`${host}-${port}`),
  host,
  port,
  address: formatAddress(host, port),
}));

const cases: readonly (readonly [hint: unknown, want: readonly string[]])[] = [
  [["10.0.0.1:8000"], ["10.0.0.1:8000"]],
  ["10.0.0.1:8001,10.0.0.10", ["10.0.0.1:8001", "10.0.0.10:8000"]],
  [["10.0.0.1"], ["10.0.0.1:8000", "10.0.0.1:8001"]],
  [[" 10.0.0.1:8000\t"], ["10.0.0.1:8000"]],
  [["10.0.0.1:08000", "10.0.0.1:", "10.0.0.01:8000", "10.0.0.1:8000/", "http://10.0.0.1:8000"], []],
  [["[2001:db8::1]:8001"], ["[2001:db8::1]:8001"]],
  [["[2001:db8::1]"], ["[2001:db8::1]:8000", "[2001:db8::1]:8001"]],
  [["2001:db8::1"], ["[2001:db8::1]:8000", "[2001:db8::1]:8001"]],
  [["[2001:DB8:0:0::1]:8000"], ["[2001:db8::1]:8000"]],
  ["2001:0db8:0000:0000:0000:0000:0000:0001", ["[2001:db8::1]:8000", "[2001:db8::1]:8001"]],
  [["[::ffff:10.0.0.1]:8000"], ["[::ffff:a00:1]:8000"]],
  [
    [
      "[2001:db8::2]:8000",
      "[2001:db8::1",
      "2001:db8::1]:8000",
      "[2001:db8::1]:",
      "[2001:db8::1]8000",
      "[2001:db8::1%eth0]:8000",
    ],
    [],
  ],
  [["[]:8000", "[", "]", "::", ":::", "", ":8000", "%", "[::ffff:10.0.0.1"], []],
];
for (const [hint, want] of cases) {
  test(`T02 the subset ${JSON.stringify(hint)} allows ${want.length === 0 ? "nobody" : want.join(" and ")}`, () => {
    const metadata = { "envoy.lb.subset_hint": { "x-gateway-destination-endpoint-subset": hint } };
    assert.deepEqual(
      inSubset(pool, metadata).map(({ address }) => address),
      want,
    );
  });
}

test("B21 the endpoint that served is named in any form of its address", () => {
  const served = (value: unknown): string | undefined =>
    servedEndpoint({ "envoy.lb": { "x-gateway-destination-endpoint-served": value } });
  assert.equal(served("10.0.0.1:8000"), "10.0.0.1:8000");
  assert.equal(served("[2001:DB8::0:1]:8000"), "[2001:db8::1]:8000");
  assert.equal(served(["10.0.0.1:8000"]), undefined);
  assert.equal(servedEndpoint(undefined), undefined);
});

test("T07 later metadata replaces key by key, and no name reaches a prototype", () => {
  const named = (text: string): Record<string, Record<string, unknown>> =>
    JSON.parse(text) as Record<string, Record<string, unknown>>;
  const first = mergeMetadata(undefined, named('{"a":{"x":1,"y":2},"b":{"x":3}}'));
  const merged = mergeMetadata(first, named('{"a":{"y":null,"__proto__":{"z":5}},"__proto__":{"c":{"x":6}}}'));
  assert.deepEqual(merged["a"]?.["x"], 1);
  assert.equal(merged["a"]?.["y"], null);
  assert.equal(merged["a"]?.["z"], undefined);
  assert.deepEqual(merged["b"], { x: 3 });
  assert.equal(merged["c"], undefined);
  assert.equal(mergeMetadata(first, {})["a"]?.["y"], 2, "what was known stays as it was");
});
