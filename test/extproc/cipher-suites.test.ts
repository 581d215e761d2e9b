import assert from "node:assert/strict";
import { test } from "node:test";
import { getCiphers } from "node:tls";
import { cipherList, cipherSuiteNames } from "../../src/extproc/cipher-suites.ts";

const tls13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

test("cipherList turns IANA's names into OpenSSL's and leaves TLS 1.3 on", () => {
  const names = ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"];
  assert.equal(cipherList(names), `${tls13}:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305`);
});

test("cipherList keeps to the TLS 1.3 suites that are named", () => {
  assert.equal(cipherList(["TLS_AES_256_GCM_SHA384"]), "TLS_AES_256_GCM_SHA384");
});

test("cipherList gives names that this OpenSSL has", () => {
  const known = getCiphers();
  for (const name of cipherSuiteNames) {
    for (const openSslName of cipherList([name]).split(":")) assert.ok(known.includes(openSslName.toLowerCase()), name);
  }
});

for (const name of ["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_NULL", "ECDHE-RSA-AES128-GCM-SHA256", ""]) {
  test(`T41 cipherList refuses "${name}" by name`, () => {
    assert.throws(() => cipherList([name]), new RegExp(`Cannot use cipher suite "${name}".*expected of TLS_ECDHE`));
  });
}
