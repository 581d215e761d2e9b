import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { readEndpoints, specOf } from "../../src/discovery/endpoints-file.ts";

const oneEndpoint = (fields: string): string => `endpoints:\n- {name: a, ${fields}}\n`;

const accepted: readonly { name: string; text: string; want: readonly object[] }[] = [
  { name: "no endpoints", text: "endpoints: []", want: [] },
  {
    name: "a port as a number",
    text: oneEndpoint("address: 10.0.0.1, port: 80"),
    want: [{ host: "10.0.0.1", port: 80 }],
  },
  { name: "a port as a string", text: oneEndpoint("address: 10.0.0.1, port: '80'"), want: [{ port: 80 }] },
  { name: "IPv6 with brackets", text: oneEndpoint('address: "[::1]", port: 80'), want: [{ host: "::1" }] },
  { name: "IPv6 in any spelling", text: oneEndpoint('address: "FD00:0:0::1", port: 80'), want: [{ host: "fd00::1" }] },
  {
    name: "a host name",
    text: oneEndpoint("address: VLLM-0.pool.local, port: 80"),
    want: [{ host: "vllm-0.pool.local" }],
  },
  { name: "no namespace", text: oneEndpoint("address: 10.0.0.1, port: 80"), want: [{ namespace: "default" }] },
  {
    name: "labels",
    text: oneEndpoint("address: 10.0.0.1, port: 80, labels: {x/y: z}"),
    want: [{ labels: { "x/y": "z" } }],
  },
  {
    name: "JSON",
    text: '{"endpoints":[{"name":"a","namespace":"n","address":"10.0.0.1","port":"80"}]}',
    want: [{ name: "a", namespace: "n", host: "10.0.0.1", port: 80, labels: {} }],
  },
  {
    name: "the same name in two namespaces",
    text: "endpoints:\n- {name: a, address: 1.1.1.1, port: 1}\n- {name: a, namespace: b, address: 1.1.1.1, port: 2}\n",
    want: [{ namespace: "default" }, { namespace: "b" }],
  },
];
for (const { name, text, want } of accepted) {
  test(`readEndpoints accepts ${name}`, () => {
    const file = readEndpoints(text, "e.yaml");
    assert.ok(file.kind === "ok", JSON.stringify(file));
    assert.equal(file.entries.length, want.length);
    want.forEach((entry, i) => assert.deepEqual({ ...file.entries[i], ...entry }, file.entries[i]));
  });
}

const refused: readonly { name: string; text: string; want: readonly string[] }[] = [
  { name: "an empty file", text: "# nothing\n", want: ["1 : expected a mapping, got nothing"] },
  { name: "broken YAML", text: "endpoints: [", want: ["1 : cannot be read"] },
  {
    name: "several problems at once, each with its line",
    text: "endpoints:\n- name: a\n  address: 10.0.0.256\n  port: 0\n- name: b b\n  adress: x\n  port: 80x\n",
    want: [
      '3 endpoints[0].address: expected an IPv4 or IPv6 address or a host name, without scheme and port, got "10.0.0.256"',
      "4 endpoints[0].port: expected a port from 1 to 65535, got 0",
      "5 endpoints[1].address: expected a string, got nothing",
      '5 endpoints[1].name: expected letters, digits, - _ and . with a letter or digit at both ends, got "b b"',
      '6 endpoints[1].adress: unknown field, did you mean "address"?',
      '7 endpoints[1].port: expected a port from 1 to 65535, got "80x"',
    ],
  },
  {
    name: "a name and an address given twice",
    text: "endpoints:\n- {name: a, address: 1.1.1.1, port: 1}\n- {name: a, address: 1.1.1.1, port: '1'}\n",
    want: [
      '3 endpoints[1].name: "default/a" is already the name of endpoints[0]',
      "3 endpoints[1].address: 1.1.1.1:1 is already the address of endpoints[0]",
    ],
  },
  {
    name: "labels that are no strings",
    text: oneEndpoint("address: a, port: 1, labels: {v: 1}"),
    want: ["2 endpoints[0].labels.v"],
  },
  ...["http://a", "a:80", "fe80::1%eth0", "10.0.0", "a b", "", "[1.1.1.1]", "-a"].map((address) => ({
    name: `the address "${address}"`,
    text: oneEndpoint(`address: ${JSON.stringify(address)}, port: 1`),
    want: ["2 endpoints[0].address: expected an IPv4 or IPv6 address"],
  })),
  ...["0", "65536", "1.5", "-1", '"0x50"', '""', '" 80"'].map((port) => ({
    name: `the port ${port}`,
    text: oneEndpoint(`address: a, port: ${port}`),
    want: ["2 endpoints[0].port: expected a port from 1 to 65535"],
  })),
  { name: "more than 1 MiB", text: `#${"x".repeat(1024 * 1024)}`, want: ["1 : the file has 1048577 bytes"] },
];
for (const { name, text, want } of refused) {
  test(`readEndpoints refuses ${name}`, () => {
    const file = readEndpoints(text, "e.yaml");
    const lines =
      file.kind === "ok" ? [] : file.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
    assert.equal(lines.length, want.length, lines.join("\n"));
    want.forEach((start, i) => assert.ok(lines[i]?.startsWith(start), `${lines[i]} should start with ${start}`));
  });
}

test("specOf makes another address another incarnation", () => {
  const entry = { name: "a", namespace: "n", host: "a.local", port: 80, labels: {} };
  assert.deepEqual(specOf(entry, "::1"), {
    id: "n/a",
    incarnation: "a@[::1]:80",
    name: "a",
    namespace: "n",
    host: "::1",
    port: 80,
    address: "[::1]:80",
    labels: {},
  });
  assert.notEqual(specOf(entry, "::1").incarnation, specOf(entry, "::2").incarnation);
});

for (const name of readdirSync("manifests/endpoints")) {
  test(`manifests/endpoints/${name} can be used`, () => {
    assert.equal(readEndpoints(readFileSync(`manifests/endpoints/${name}`, "utf8"), name).kind, "ok");
  });
}
