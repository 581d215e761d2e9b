import "reflect-metadata"; // @peculiar/x509 needs the polyfill before it is loaded
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  cryptoProvider,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its key in PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What a test wants in a certificate. */
export interface CertificateTraits {
  /** Default "test server". */
  readonly commonName?: string;
  /** IP address it is for; default 127.0.0.1. */
  readonly ip?: string;
  /** Default an hour from now; below the present it is expired. */
  readonly notAfter?: Date;
}

/** An authority of a test. */
export interface TestAuthority {
  /** Certificate of the authority in PEM. */
  readonly cert: string;
  /** Makes a certificate that the authority signs. */
  issue(traits?: CertificateTraits): Promise<TestCertificate>;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const hourMs = 3_600_000;

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  cryptoProvider.set(webcrypto as unknown as Parameters<typeof cryptoProvider.set>[0] & object);
  return (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

async function keyPem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${key.replace(/(.{64})/g, "$1\n").trimEnd()}\n-----END PRIVATE KEY-----\n`;
}

/** Makes an authority of its own. Two of one name are mistaken for each other in a bundle. */
export async function createAuthority(commonName = "test authority"): Promise<TestAuthority> {
  const authorityKeys = await newKeys();
  const name = `CN=${commonName}`;
  const authority = await X509CertificateGenerator.createSelfSigned({
    name,
    notBefore: new Date(Date.now() - 48 * hourMs),
    notAfter: new Date(Date.now() + 48 * hourMs),
    keys: authorityKeys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    cert: authority.toString("pem"),
    issue: async ({ commonName = "test server", ip = "127.0.0.1", notAfter = new Date(Date.now() + hourMs) } = {}) => {
      const keys = await newKeys();
      const certificate = await X509CertificateGenerator.create({
        subject: `CN=${commonName}`,
        issuer: name,
        notBefore: new Date(Date.now() - 24 * hourMs),
        notAfter,
        publicKey: keys.publicKey,
        signingKey: authorityKeys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [new SubjectAlternativeNameExtension([{ type: "ip", value: ip }])],
      });
      return { cert: certificate.toString("pem"), key: await keyPem(keys) };
    },
  };
}
