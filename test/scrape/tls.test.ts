import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { DeadlineSweep } from "../../src/scrape/deadline-sweep.ts";
import { PageFetcher } from "../../src/scrape/fetch.ts";
import { openSource, type SourceSettings } from "../../src/scrape/source.ts";
import { createAuthority } from "../support/certificates.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";

const authority = await createAuthority();
const stranger = await createAuthority();
const good = await authority.issue();

/** An HTTPS server on loopback; returns its port. */
async function startTlsServer(t: TestContext, options: ServerOptions): Promise<number> {
  const server = createServer(options, (_request, response) => response.end("up 1\n"));
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function inFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "epp-tls-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "file.pem"), text);
  return join(folder, "file.pem");
}

/** What comes of one scrape: "page" or the reason of the failure. */
async function scrape(t: TestContext, port: number, settings: Partial<SourceSettings>): Promise<string> {
  const { path, tls } = openSource({ scheme: "https", path: "/metrics", insecureSkipVerify: false, ...settings });
  const sweep = new DeadlineSweep(new VirtualClock());
  const fetcher = new PageFetcher({ host: "127.0.0.1", port, path, tls, sweep, deadlineMs: 1000 });
  t.after(() => fetcher.close());
  const result = await fetcher.fetch(() => ({ kind: "page" }) as const);
  return result.kind === "page" ? "page" : result.reason;
}

test("a certificate of the given authority for the endpoint's address is accepted", async (t) => {
  const port = await startTlsServer(t, good);
  assert.equal(await scrape(t, port, { caCertPath: inFile(t, authority.cert) }), "page");
});

const refusals: readonly { name: string; server: () => Promise<ServerOptions>; want: string }[] = [
  {
    name: "an expired certificate",
    server: () => authority.issue({ notAfter: new Date(Date.now() - 60_000) }),
    want: "tls-expired",
  },
  { name: "a certificate for another address", server: () => authority.issue({ ip: "127.0.0.2" }), want: "tls-name" },
  { name: "a certificate of a stranger", server: () => stranger.issue(), want: "tls-untrusted" },
  {
    name: "TLS 1.0",
    server: async () => ({ ...good, minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" }),
    want: "tls-version",
  },
];
for (const { name, server, want } of refusals) {
  test(`F13 ${name} is refused as ${want} when servers are verified`, async (t) => {
    const port = await startTlsServer(t, await server());
    assert.equal(await scrape(t, port, { caCertPath: inFile(t, authority.cert) }), want);
  });
}

test("F13 a certificate for another address is refused for the same reason every time", async (t) => {
  const port = await startTlsServer(t, await authority.issue({ ip: "127.0.0.2" }));
  const source = { scheme: "https", path: "/metrics", insecureSkipVerify: false } as const;
  const { path, tls } = openSource({ ...source, caCertPath: inFile(t, authority.cert) });
  const sweep = new DeadlineSweep(new VirtualClock());
  const fetcher = new PageFetcher({ host: "127.0.0.1", port, path, tls, sweep, deadlineMs: 1000 });
  t.after(() => fetcher.close());
  for (let i = 0; i < 3; i++) {
    const result = await fetcher.fetch(() => ({ kind: "page" }) as const);
    assert.equal(result.kind === "page" ? "page" : result.reason, "tls-name");
  }
});

test("F13 a self-signed certificate is refused as tls-untrusted when servers are verified", async (t) => {
  const { createSelfSigned } = await import("../../src/extproc/self-signed.ts");
  const port = await startTlsServer(t, await createSelfSigned(Date.now()));
  assert.equal(await scrape(t, port, { caCertPath: inFile(t, authority.cert) }), "tls-untrusted");
  assert.equal(await scrape(t, port, {}), "tls-untrusted");
});

for (const insecureSkipVerify of [false, true]) {
  test(`F13 plain HTTP on the TLS port is refused as tls-plaintext, verified ${!insecureSkipVerify}, never asked in plain text`, async (t) => {
    const server = await startFakeModelServer(t);
    assert.equal(await scrape(t, server.port, { insecureSkipVerify }), "tls-plaintext");
    assert.equal(server.requests(), 0);
  });

  test(`F13 TLS 1.0 is refused, verified ${!insecureSkipVerify}`, async (t) => {
    const options = { ...good, minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    assert.equal(await scrape(t, await startTlsServer(t, options), { insecureSkipVerify }), "tls-version");
  });
}

test("without verification any certificate is accepted", async (t) => {
  for (const options of [{ ip: "127.0.0.2" }, { notAfter: new Date(Date.now() - 60_000) }]) {
    const port = await startTlsServer(t, await stranger.issue(options));
    assert.equal(await scrape(t, port, { insecureSkipVerify: true }), "page");
  }
});

test("a client certificate is shown to servers that ask for one", async (t) => {
  const client = await authority.issue();
  const port = await startTlsServer(t, { ...good, ca: authority.cert, requestCert: true, rejectUnauthorized: true });
  const ca = { caCertPath: inFile(t, authority.cert) };
  const files = { clientCertPath: inFile(t, client.cert), clientKeyPath: inFile(t, client.key) };
  assert.equal(await scrape(t, port, { ...ca, ...files }), "page");
  assert.notEqual(await scrape(t, port, ca), "page");
});
