import assert from "node:assert/strict";
import { test } from "node:test";
import { mayDebug } from "../../src/telemetry/debug-access.ts";

test("T42 pages under /debug/ are for peers on this machine, or with a certificate", () => {
  const local = "127.0.0.1:9090";
  const cases: readonly [
    address: string | undefined,
    host: string | undefined,
    hasCertificate: boolean,
    may: boolean,
  ][] = [
    ["127.0.0.1", local, false, true],
    ["127.9.9.9", "localhost", false, true],
    ["::1", "[::1]:9090", false, true],
    ["::ffff:127.0.0.1", "localhost:9090", false, true],
    ["10.0.0.9", local, false, false],
    ["::ffff:10.0.0.9", local, false, false],
    ["fe80::1", "[::1]:9090", false, false],
    ["127.0.0.1.example", local, false, false],
    ["2001:db8::127.0.0.1", local, false, false],
    [undefined, local, false, false],
    ["127.0.0.1", "rebound.example:9090", false, false],
    ["127.0.0.1", "localhost.rebound.example", false, false],
    ["127.0.0.1", undefined, false, false],
    ["10.0.0.9", "picker.example:9090", true, true],
  ];
  for (const [address, host, hasCertificate, may] of cases) {
    assert.equal(mayDebug({ address, host, hasCertificate }), may, `${address} ${host} ${hasCertificate}`);
  }
});
