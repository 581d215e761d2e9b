import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { MetricsConfig } from "../../src/config/metrics-plugins.ts";
import { pagesOf } from "../../src/doctor/observation.ts";
import { readPool, type ReadPoolOptions } from "../../src/doctor/read-pool.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { aMetricsConfig, anEntry, diagnosed } from "../support/a-pool.ts";
import { startBlackhole } from "../support/blackhole.ts";
import { createAuthority } from "../support/certificates.ts";
import { enginePages } from "../support/engine-pages.ts";
import { closedPort, sendPage, startFakeModelServer, startRawServer } from "../support/fake-model-server.ts";

const plain = aMetricsConfig();

const readings = (options: Partial<ReadPoolOptions> & Pick<ReadPoolOptions, "entries">): ReturnType<typeof readPool> =>
  readPool({ metrics: plain, clock: slowClock, reads: 2, intervalMs: 1, maxMs: 60_000, ...options });

/** The system's clock at a tenth of its speed: deadlines that no test is about do not end on a busy machine. */
const slowClock: Clock = {
  nowMs: () => systemClock.nowMs() / 10,
  wallMs: () => systemClock.wallMs(),
  after: (delayMs, callback) => systemClock.after(delayMs * 10, callback),
};

/** Timers of the system's clock do not keep a process alive. */
const awake = setInterval(() => {}, 1000);
test.after(() => clearInterval(awake));

/** The one finding on an endpoint that has no page, as `code: message > advice`. */
async function failureOf(port: number, { metrics = plain, clock = slowClock } = {}): Promise<string> {
  const report = diagnosed(await readings({ entries: [anEntry("a", port)], metrics, clock }), metrics);
  const [finding, ...more] = report.findings;
  assert.deepEqual(more, []);
  assert.equal(report.endpoints[0]?.page, undefined);
  return `${finding?.code} ${report.endpoints[0]?.failure?.reason}: ${finding?.message}`.replaceAll(
    `:${port}`,
    ":PORT",
  );
}

const answers: readonly (readonly [what: string, answer: RequestListener, want: RegExp])[] = [
  [
    "404",
    (_, response) => response.writeHead(404).end(),
    /^unreachable status: \/metrics answers with status 404: there is no such page$/,
  ],
  [
    "a redirect",
    (_, response) => response.writeHead(302, { location: "/" }).end(),
    /^unreachable status: \/metrics answers with status 302, a redirect, which is never followed$/,
  ],
  ["401", (_, response) => response.writeHead(401).end(), /status 401: it wants credentials, the picker sends none$/],
  ["403", (_, response) => response.writeHead(403).end(), /status 403: it wants credentials/],
  ["500", (_, response) => response.writeHead(500).end(), /status 500: the server fails$/],
  ["204", (_, response) => response.writeHead(204).end(), /status 204, expected 200$/],
  [
    "another kind of content",
    (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    /^unreachable malformed: the answer is no page of metrics: content-type text\/html$/,
  ],
  [
    "no metrics",
    (_, response) => response.end("hello"),
    /^unreachable malformed: .*5 bytes without a line of metrics$/,
  ],
  [
    "compression",
    (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x"),
    /^unreachable encoding: the page is compressed .*\(content-encoding gzip\)$/,
  ],
  [
    "5 MiB",
    (_, response) => sendPage(response, "x 1\n".repeat(1_250_000)),
    /^unreachable too-large: the page is too large to be read: content-length 5000000$/,
  ],
  [
    "too many lines",
    (_, response) => sendPage(response, "x 1\n".repeat(20_001)),
    /^unreachable too-large: .*too many lines/,
  ],
  [
    "half a page",
    (_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("x 1\n", () => response.destroy());
    },
    /^unreachable truncated: the page ends before its end/,
  ],
  [
    "silence",
    () => {},
    /^unreachable timeout: 127\.0\.0\.1:PORT does not answer in time: no whole page within 1000 ms$/,
  ],
];
for (const [what, answer, want] of answers) {
  test(`doctor says in words what is wrong with ${what}`, async (t) => {
    const server = await startFakeModelServer(t);
    server.answerWith(answer);
    const clock = what === "silence" ? systemClock : slowClock;
    assert.match(await failureOf(server.port, { clock }), want);
  });
}

test("doctor says that nobody listens", async () => {
  const want = "unreachable connect-refused: nobody listens on 127.0.0.1:PORT (connection refused)";
  assert.equal(await failureOf(await closedPort()), want);
});

test("doctor says that the connection is reset", async (t) => {
  const port = await startRawServer(t, (socket) => socket.once("data", () => socket.destroy()));
  assert.match(
    await failureOf(port),
    /^unreachable connect-reset: 127\.0\.0\.1:PORT ends the connection without an answer$/,
  );
});

test("doctor says that a port speaks something else, with no escape sequence of it", async (t) => {
  const port = await startRawServer(t, (socket) => socket.once("data", () => socket.end("\u001b[2JSSH-2.0-x\r\n")));
  assert.match(await failureOf(port), /^unreachable malformed: the answer is no page of metrics: [\x20-\x7e]+$/);
});

test("F02 doctor says that there is no connection", {
  skip: process.platform !== "linux" && "needs Linux",
}, async (t) => {
  assert.match(
    await failureOf(await startBlackhole(t), { clock: systemClock }),
    /^unreachable timeout: .*: no connection within 500 ms$/,
  );
});

test("doctor says that a host has no address, and reads the others", async (t) => {
  const server = await startFakeModelServer(t);
  const observations = await readings({
    entries: [
      anEntry("lost", 8000, { host: "nowhere.example" }),
      anEntry("named", server.port, { host: "here.example" }),
    ],
    resolve: (host) =>
      host === "here.example" ? Promise.resolve(["127.0.0.1"]) : Promise.reject(new Error("ENOTFOUND")),
  });
  const report = diagnosed(observations);
  assert.equal(report.findings[0]?.message, 'Cannot resolve "nowhere.example": ENOTFOUND');
  assert.deepEqual(
    report.endpoints.map(({ address, metricsAddress, reads }) => [address, metricsAddress, reads.done, reads.failed]),
    [
      ["nowhere.example:8000", "nowhere.example:8000", 1, 1],
      [`here.example:${server.port}`, server.address, 2, 0],
    ],
  );
});

const authority = await createAuthority();

async function startTlsServer(t: TestContext, options: ServerOptions): Promise<number> {
  const server = createServer(options, (_request, response) => response.end(enginePages["vllm"]!(idle)));
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const idle = { waiting: 0, running: 0, kvCacheRatio: 0 };

function verified(t: TestContext): MetricsConfig {
  const folder = mkdtempSync(join(tmpdir(), "epp-doctor-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "ca.pem"), authority.cert);
  return withSource({ scheme: "https", insecureSkipVerify: false, caCertPath: join(folder, "ca.pem") });
}

const withSource = (source: Partial<MetricsConfig["source"]>): MetricsConfig => ({
  ...plain,
  source: { ...plain.source, ...source },
});

test("doctor reads pages over TLS, and names what is wrong with a certificate", async (t) => {
  const metrics = verified(t);
  const good = await startTlsServer(t, await authority.issue());
  const [observation] = await readings({ entries: [anEntry("a", good)], metrics });
  assert.equal(pagesOf(observation!).length, 2);
  const expired = await startTlsServer(t, await authority.issue({ notAfter: new Date(Date.now() - 60_000) }));
  assert.match(
    await failureOf(expired, { metrics }),
    /^unreachable tls-expired: the server's certificate is out of its time/,
  );
  const elsewhere = await startTlsServer(t, await authority.issue({ ip: "127.0.0.2" }));
  assert.match(
    await failureOf(elsewhere, { metrics }),
    /^unreachable tls-name: the server's certificate is for another name/,
  );
  const stranger = await startTlsServer(t, await (await createAuthority()).issue());
  assert.match(await failureOf(stranger, { metrics }), /^unreachable tls-untrusted: .* signed by nobody known/);
  const old = await startTlsServer(t, {
    ...(await authority.issue()),
    minVersion: "TLSv1",
    maxVersion: "TLSv1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  assert.match(
    await failureOf(old, { metrics }),
    /^unreachable tls-version: the server offers only TLS versions below 1.2$/,
  );
  const plaintext = await startFakeModelServer(t);
  assert.match(
    await failureOf(plaintext.port, { metrics }),
    /^unreachable tls-plaintext: 127\.0\.0\.1:PORT does not speak TLS$/,
  );
});

test("doctor names a file of the source that cannot be used", async () => {
  const metrics = withSource({ scheme: "https", caCertPath: "/nowhere/ca.pem" });
  await assert.rejects(
    readings({ entries: [], metrics }),
    /^Error: Cannot read authorities "\/nowhere\/ca\.pem": ENOENT/,
  );
});

test("doctor reads each endpoint as its label says, at the path of the config, and sees what changes", async (t) => {
  const servers = await Promise.all(
    Object.entries(enginePages).map(async ([engine, page]) => {
      const server = await startFakeModelServer(t);
      const paths = new Set<string | undefined>();
      server.answerWith((request, response) => {
        paths.add(request.url);
        sendPage(response, page({ ...idle, running: server.requests() }));
      });
      return { engine, server, paths };
    }),
  );
  const metrics = withSource({ path: "/prom" });
  const entries = servers.map(({ engine, server: { port } }) =>
    anEntry(engine, port, { labels: { "llm-d.ai/engine-type": engine } }),
  );
  const report = diagnosed(await readings({ entries, metrics, reads: 3 }), metrics);
  assert.equal(report.errors, 0);
  for (const [i, { engine, server, paths }] of servers.entries()) {
    const endpoint = report.endpoints[i];
    assert.deepEqual(
      [endpoint?.engine.name, endpoint?.reads, endpoint?.page?.changes],
      [engine, { done: 3, failed: 0 }, true],
    );
    assert.deepEqual(endpoint?.ranks[0]?.runningRequests, { min: 1, mean: 2, max: 3 });
    assert.deepEqual([[...paths], server.connections()], [["/prom"], 1]);
  }
});

test("doctor says how often an endpoint failed that answers at times", async (t) => {
  const server = await startFakeModelServer(t);
  server.answerWith((_request, response) => {
    if (server.requests() === 1) response.writeHead(503).end();
    else sendPage(response, enginePages["vllm"]!({ ...idle, running: server.requests(), kvCacheRatio: 0.1 }));
  });
  const report = diagnosed(await readings({ entries: [anEntry("a", server.port)], reads: 4 }));
  assert.deepEqual(
    report.findings.map(({ severity, code, message }) => `${severity} ${code}: ${message}`),
    [
      "warning flaky: 1 of 4 reads failed, at last: /metrics answers with status 503: the server fails",
      "note adapters-absent: LoRA adapters unknown: vllm:lora_requests_info is not on the page",
    ],
  );
});
