import "reflect-metadata"; // @peculiar/x509 needs the polyfill before it is loaded
import { webcrypto } from "node:crypto";
import { cryptoProvider, X509CertificateGenerator } from "@peculiar/x509";
import type { KeyPair } from "./certificate.ts";

/** Life of a self-signed certificate. Hosts do not verify it, so a change of it would only break what pins it. */
const lifeMs = 10 * 365 * 24 * 3600 * 1000;

/** A self-signed P-256 certificate, made in milliseconds (RSA-4096 as the reference picker has it takes seconds). */
export async function createSelfSigned(wallMs: number): Promise<KeyPair> {
  cryptoProvider.set(webcrypto as unknown as Parameters<typeof cryptoProvider.set>[0] & object);
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "O=Inference Ext, CN=inference-endpoint-picker",
    notBefore: new Date(wallMs - 60_000),
    notAfter: new Date(wallMs + lifeMs),
    keys,
    signingAlgorithm: algorithm,
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const pem = `-----BEGIN PRIVATE KEY-----\n${key.replace(/(.{64})/g, "$1\n").trimEnd()}\n-----END PRIVATE KEY-----\n`;
  return { cert: Buffer.from(certificate.toString("pem")), key: Buffer.from(pem) };
}
