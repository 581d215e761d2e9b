import assert from "node:assert/strict";
import { test } from "node:test";
import { classifyError } from "../../src/scrape/failure.ts";

const cases: readonly [code: string, hasResponse: boolean, want: string][] = [
  ["ECONNREFUSED", false, "connect-refused"],
  ["ECONNRESET", false, "connect-reset"],
  ["UND_ERR_SOCKET", false, "connect-reset"],
  ["UND_ERR_SOCKET", true, "truncated"],
  ["UND_ERR_HEADERS_OVERFLOW", false, "too-large"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", false, "tls-name"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", false, "tls-plaintext"],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", false, "tls-version"],
  ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", false, "tls"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", false, "tls-untrusted"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", false, "tls-untrusted"],
  ["CERT_HAS_EXPIRED", false, "tls-expired"],
  ["EMFILE", false, "other"],
];
for (const [code, hasResponse, want] of cases) {
  test(`classifyError calls ${code} ${hasResponse ? "within a response " : ""}${want}`, () => {
    assert.equal(classifyError(Object.assign(new Error("x"), { code }), hasResponse), want);
  });
}
test("classifyError calls what is no error other", () => assert.equal(classifyError("x", true), "other"));
