import assert from "node:assert/strict";
import { test } from "node:test";
import { aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";
import { aCycle, keptBy } from "../../support/a-cycle.ts";

const pool = [
  anEndpoint("a0", { host: "10.0.0.1", port: 8000 }),
  anEndpoint("a1", { host: "10.0.0.1", port: 8001 }),
  anEndpoint("b", { host: "10.0.0.2", port: 8000 }),
  anEndpoint("six", { host: "2001:db8::1", port: 8000 }),
];

const rows: [what: string, header: string | undefined, names: string[]][] = [
  ["nobody without the header", undefined, []],
  ["nobody for an empty one", " ", []],
  ["every port of an address", "10.0.0.1", ["a0", "a1"]],
  ["one port of an address", "10.0.0.1:8001", ["a1"]],
  ["several, in the order of the candidates", " 10.0.0.2:8000 , 10.0.0.1:8000,", ["a0", "b"]],
  ["all", "10.0.0.1,10.0.0.2,2001:db8::1", ["a0", "a1", "b", "six"]],
  ["an IPv6 address in brackets with its port", "[2001:db8::1]:8000", ["six"]],
  ["an IPv6 address in brackets", "[2001:db8::1]", ["six"]],
  ["an IPv6 address in another spelling", "2001:0DB8:0:0::1", ["six"]],
  ["nobody for another port of an IPv6 address", "[2001:db8::1]:8001", []],
  ["nobody for an unknown address", "10.9.9.9", []],
  ["nobody for what is no address", "a0,10.0.0.1:x,[10.0.0.1]:8000,::1::,:8000", []],
  ["known ones beside unknown ones", "10.9.9.9,10.0.0.2", ["b"]],
];

for (const [what, header, names] of rows) {
  test(`K1 header-based-testing-filter keeps ${what}`, () => {
    const plan = aPlan("plugins: [{type: header-based-testing-filter}]");
    assert.deepEqual(plan.requestHeaders, ["test-epp-endpoint-selection"]);
    const headers = header === undefined ? {} : { "test-epp-endpoint-selection": header };
    assert.deepEqual(keptBy(plan, pool, aCycle({ request: aRequest({ headers }) })), names);
  });
}
