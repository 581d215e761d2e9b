import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSource, scrapeIntervalMs } from "../../src/scrape/source.ts";
import { createAuthority } from "../support/certificates.ts";

const intervals: readonly [baseMs: number, ownMs: number | undefined, want: number][] = [
  [50, undefined, 50],
  [200, undefined, 200],
  [50, 250, 250],
  [50, 260, 250],
  [50, 280, 300],
  [200, 100, 100],
  [200, 60, 60],
  [200, 50, 50],
  [50, 50, 50],
  [100, 149, 100],
];
for (const [baseMs, ownMs, want] of intervals) {
  test(`an interval of ${ownMs} ms beside ${baseMs} ms is ${want} ms`, () => {
    assert.equal(scrapeIntervalMs(baseMs, ownMs), want);
  });
}

const plain = { path: "/metrics", insecureSkipVerify: true };

test("a source over HTTP reads no file", () => {
  const source = openSource({ ...plain, scheme: "http", port: 9400, caCertPath: "/nowhere/ca.pem" });
  assert.deepEqual(source, { path: "/metrics", port: 9400, tls: undefined });
});

test("a file that cannot be used is named", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "epp-source-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const authority = await createAuthority();
  const [one, other] = [await authority.issue(), await authority.issue()];
  const [cert, key] = [file("cert.pem", one.cert), file("key.pem", one.key)];
  const absent = join(folder, "absent.pem");
  const empty = file("empty.pem", "");
  const broken = file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const cases = [
    [{ caCertPath: absent }, `Cannot read authorities "${absent}": ENOENT`],
    [{ caCertPath: empty }, `Cannot use authorities "${empty}": no PEM block, expected a PEM file`],
    [{ caCertPath: broken }, `Cannot use authorities "${broken}": `],
    [{ caCertPath: key }, `Cannot use authorities "${key}": no certificate`],
    [{ clientCertPath: absent, clientKeyPath: key }, `Cannot read client certificate "${absent}": ENOENT`],
    [{ clientCertPath: key, clientKeyPath: key }, `Cannot use client certificate "${key}": `],
    [{ clientCertPath: cert, clientKeyPath: cert }, `Cannot use client key "${cert}": `],
    [{ clientCertPath: cert, clientKeyPath: file("other.pem", other.key) }, `Cannot use client key "`],
  ] as const;
  for (const [files, message] of cases) {
    assert.throws(
      () => openSource({ ...plain, scheme: "https", ...files }),
      (error: Error) => error.message.startsWith(message) && error.message.includes("expected "),
      message,
    );
  }
  assert.ok(openSource({ ...plain, scheme: "https", clientCertPath: cert, clientKeyPath: key }).tls);
});
