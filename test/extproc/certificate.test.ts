import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import type { TlsSettings } from "../../src/extproc/certificate.ts";
import { cipherList } from "../../src/extproc/cipher-suites.ts";
import type { Logger } from "../../src/telemetry/logger.ts";
import { startTestPicker, type TestPicker, type TestPickerOptions } from "../support/a-picker.ts";
import { createAuthority, type TestAuthority } from "../support/certificates.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { connectAsEnvoy, type EnvoyStream } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { aMountedSecret, type MountedSecret } from "../support/mounted-secret.ts";
import { until } from "../support/until.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly problem: string;
}

/** A logger that keeps what needs action. */
function aLogger(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const keep =
    (level: string) =>
    (data: object, message: string): void => {
      lines.push({ level, message, problem: "problem" in data ? String(data.problem) : "" });
    };
  return { lines, logger: { debug: () => {}, info: keep("info"), warn: keep("warn"), error: keep("error") } };
}

interface Served {
  readonly picker: TestPicker;
  readonly authority: TestAuthority;
  readonly secret: MountedSecret;
  readonly lines: readonly Line[];
}

/** A picker that serves a certificate of an authority, from a mounted Secret that it watches. */
async function aServedSecret(t: TestContext, options: TestPickerOptions = {}): Promise<Served> {
  const server = await startFakeModelServer(t);
  const authority = await createAuthority();
  const secret = await aMountedSecret(t, await authority.issue({ commonName: "first" }));
  const { logger, lines } = aLogger();
  const tls = { secureServing: true, certPath: secret.folder, reloadCertificate: true, logger };
  const picker = await startTestPicker(t, [server], { ...tls, ...options });
  return { picker, authority, secret, lines };
}

/** A TLS connection, verified against `authority` when there is one. */
async function connectTls(
  t: TestContext,
  { picker }: TestPicker,
  authority?: TestAuthority,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const verification = authority === undefined ? { rejectUnauthorized: false } : { ca: authority.cert };
  const socket = connect({
    host: "127.0.0.1",
    port: picker.grpcPort,
    ALPNProtocols: ["h2"],
    ...verification,
    ...options,
  });
  t.after(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

async function servedName(t: TestContext, picker: TestPicker, authority: TestAuthority): Promise<string> {
  const socket = await connectTls(t, picker, authority);
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

const eventually = (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> =>
  until(what, isTrue, 10_000);

function openStream(t: TestContext, { picker }: TestPicker, authority: TestAuthority): EnvoyStream {
  return connectAsEnvoy(t, picker.grpcPort, credentials.createSsl(Buffer.from(authority.cert))).open();
}

async function answered(stream: EnvoyStream): Promise<void> {
  stream.requestHeaders(completionHeaders).requestBody(completion("base"));
  await stream.until(isLastOfRequest);
}

test("F66 T41 a rotated certificate serves new connections within 10 s while old streams live", async (t) => {
  const { picker, authority, secret, lines } = await aServedSecret(t);
  const before = openStream(t, picker, authority);
  before.requestHeaders(completionHeaders);
  assert.equal(await servedName(t, picker, authority), "first");
  const first = await picker.sample('epp_certificate_expiry_seconds{origin="file"}');

  await secret.replace(await authority.issue({ commonName: "second", notAfter: new Date(Date.now() + 1_800_000) }));
  await eventually("second certificate", async () => (await servedName(t, picker, authority)) === "second");
  before.requestBody(completion("base"));
  await before.until(isLastOfRequest);
  const after = openStream(t, picker, authority);
  await answered(after);
  assert.equal(await picker.sample('epp_certificate_reloads_total{outcome="ok"}'), 1);
  const second = await picker.sample('epp_certificate_expiry_seconds{origin="file"}');
  assert.ok((second ?? 0) < (first ?? 0), `${second} is not before ${first}`);
  assert.ok(lines.some(({ message }) => message === "Certificate reloaded: new connections get it"));
  await before.close();
  await after.close();
});

test("F67 a bad pair keeps the old one, is logged, counted and mended by a good one", async (t) => {
  const { picker, authority, secret, lines } = await aServedSecret(t);
  const [good, other] = [await authority.issue({ commonName: "good" }), await authority.issue({ commonName: "other" })];
  const expired = await authority.issue({ notAfter: new Date(Date.now() - 1000) });
  const bad: readonly [pair: Parameters<MountedSecret["replace"]>[0], problem: RegExp][] = [
    [{ cert: good.cert, key: other.key }, /Cannot use certificate ".*": .*expected a PEM tls\.crt and its tls\.key/],
    [{ cert: "", key: good.key }, /Cannot use certificate/],
    [{ cert: good.cert.slice(0, 300), key: good.key }, /Cannot use certificate/],
    [expired, /Cannot use certificate ".*": it ended at .*Z, expected one that is valid/],
    [{ cert: good.cert }, /Cannot read certificate ".*tls\.key": ENOENT/],
  ];
  for (const [index, [pair, problem]] of bad.entries()) {
    await secret.replace(pair);
    const series = 'epp_certificate_reloads_total{outcome="rejected"}';
    await eventually(`alarm ${index}`, async () => (await picker.sample(series)) === index + 1);
    const alarms = lines.filter(({ level }) => level === "error");
    assert.equal(alarms.length, index + 1);
    assert.equal(alarms[index]?.message, "Certificate not usable, the last good one stays");
    assert.match(alarms[index]?.problem ?? "", problem);
    assert.equal(await servedName(t, picker, authority), "first");
  }
  await secret.replace(good);
  await eventually("good certificate", async () => (await servedName(t, picker, authority)) === "good");
});

test("F66 a watch is off unless asked for", async (t) => {
  const { picker, authority, secret } = await aServedSecret(t, { reloadCertificate: false });
  await secret.replace(await authority.issue({ commonName: "second" }));
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(await servedName(t, picker, authority), "first");
});

const refused = /alert|protocol version|no protocols|handshake|EPROTO|ECONNRESET|socket disconnected/i;

/** What connecting with `offer` gives: the version and suite agreed on, or the error. */
async function handshake(
  t: TestContext,
  settings: TlsSettings | undefined,
  offers: readonly ConnectionOptions[],
): Promise<string[]> {
  const { picker, authority, secret } = await aServedSecret(t, settings === undefined ? {} : { tls: settings });
  const results: string[] = [];
  for (const reloaded of [false, true]) {
    if (reloaded) {
      await secret.replace(await authority.issue({ commonName: "second" }));
      await eventually("second certificate", async () => {
        const name = await servedName(t, picker, authority).catch(() => "");
        return name === "second";
      });
    }
    for (const offer of offers) {
      const result = await connectTls(t, picker, authority, offer).then(
        (socket) => `${socket.getProtocol()} ${socket.getCipher().standardName}`,
        (error: Error) => (refused.test(error.message) ? "refused" : error.message),
      );
      results.push(result);
    }
  }
  return results;
}

const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
const only12 = {
  maxVersion: "TLSv1.2",
  ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
} as const;

test("T41 TLS 1.1 is refused and TLS 1.2 and 1.3 are taken, before and after a reload", async (t) => {
  const results = await handshake(t, undefined, [old, only12, {}]);
  assert.deepEqual(results.slice(0, 3), results.slice(3));
  assert.equal(results[0], "refused");
  assert.match(results[1] ?? "", /^TLSv1\.2 TLS_ECDHE_ECDSA/);
  assert.match(results[2] ?? "", /^TLSv1\.3 /);
});

test("T41 a floor of TLS 1.3 refuses 1.2, before and after a reload", async (t) => {
  const results = await handshake(t, { minVersion: "TLSv1.3", ciphers: undefined }, [only12, {}]);
  assert.deepEqual(
    results.map((result) => result.split(" ")[0]),
    ["refused", "TLSv1.3", "refused", "TLSv1.3"],
  );
});

test("T41 only the suites that are named are agreed on, before and after a reload", async (t) => {
  const ciphers = cipherList(["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"]);
  const results = await handshake(t, { minVersion: "TLSv1.2", ciphers }, [only12, {}]);
  const want = ["TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLSv1.3 TLS_AES_256_GCM_SHA384"];
  assert.deepEqual(results, [...want, ...want]);
});

test("T41 a self-signed certificate warns in log and metrics", async (t) => {
  const { logger, lines } = aLogger();
  const picker = await startTestPicker(t, [], { secureServing: true, logger });
  assert.ok(lines.some(({ level, message }) => level === "warn" && /self-signed certificate/.test(message)));
  const expiry = await picker.sample('epp_certificate_expiry_seconds{origin="self-signed"}');
  assert.ok((expiry ?? 0) > Date.now() / 1000 + 9 * 365 * 86_400, `${expiry}`);
  const socket = await connectTls(t, picker);
  assert.equal(socket.alpnProtocol, "h2");
  assert.equal(socket.authorized, false);
});
