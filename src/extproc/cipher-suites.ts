/** TLS 1.2 suites that HTTP/2 allows (RFC 9113 appendix A forbids the others), by IANA name, with OpenSSL's names. */
const tls12: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: "ECDHE-RSA-CHACHA20-POLY1305",
};

/** The suites of TLS 1.3, whose two names are one. */
const tls13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** Every name that `cipherList` takes. */
export const cipherSuiteNames: readonly string[] = [...Object.keys(tls12), ...tls13];

/**
 * OpenSSL's list for suites named as IANA and the reference picker's flag name them. When no TLS 1.3 suite is among them all
 * of those are on, as in the reference picker, where the list governs TLS 1.2 only. Throws RangeError with the first name
 * that is unknown or that HTTP/2 forbids.
 */
export function cipherList(names: readonly string[]): string {
  const list = names.map((name) => {
    const openSslName = tls12[name] ?? (tls13.includes(name) ? name : undefined);
    if (openSslName !== undefined) return openSslName;
    throw new RangeError(
      `Cannot use cipher suite "${name}": unknown or forbidden with HTTP/2, expected of ${cipherSuiteNames.join(", ")}`,
    );
  });
  const has13 = list.some((name) => tls13.includes(name));
  return [...(has13 ? [] : tls13), ...list].join(":");
}
