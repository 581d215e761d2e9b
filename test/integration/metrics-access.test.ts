import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request } from "node:https";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createSelfSigned } from "../../src/extproc/self-signed.ts";
import { aCluster, startClusterPicker, type TestCluster } from "../support/a-cluster.ts";
import { aFolder } from "../support/kube/reflector-rig.ts";
import { until } from "../support/until.ts";

/** Tokens: "scraper" may get /metrics, "human" also pages under /debug/, "nobody" neither. */
function answerReviews({ server }: TestCluster): void {
  server.review = (review, plural) => {
    const { spec } = review as {
      spec: { token?: string; user?: string; nonResourceAttributes?: { path: string; verb: string } };
    };
    if (plural === "tokenreviews") {
      const isKnown = ["scraper", "human", "nobody"].includes(spec.token ?? "");
      return { ...review, status: { authenticated: isKnown, ...(isKnown && { user: { username: spec.token } }) } };
    }
    const { path = "", verb = "" } = spec.nonResourceAttributes ?? {};
    const isAllowed = verb === "get" && (spec.user === "human" || (spec.user === "scraper" && path === "/metrics"));
    return { ...review, status: { allowed: isAllowed } };
  };
}

/** An address of this machine that is not loopback; undefined when there is none. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

const get = async (url: string, token?: string): Promise<{ status: number; text: string; headers: Headers }> => {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(url, { headers });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
};

test("T42 /metrics is for those whom the cluster lets get it: 401, 403, 200, shared and kept answers, 503 without the API server", async (t) => {
  const cluster = await aCluster(t);
  answerReviews(cluster);
  cluster.setPool();
  const { picker, lines } = await startClusterPicker(t, cluster, { metricsAuth: true });
  const url = `http://127.0.0.1:${picker.metricsPort}/metrics`;
  const refused = await get(url);
  assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [401, "Bearer"]);
  assert.equal((await get(url, "made-up")).status, 401);
  const forbidden = await get(url, "nobody");
  assert.deepEqual([forbidden.status, forbidden.text], [403, 'Refused: "nobody" has no right to get /metrics\n']);
  const pages = await Promise.all(Array.from({ length: 10 }, () => get(url, "scraper")));
  for (const { status, text } of pages) {
    assert.equal(status, 200);
    assert.match(text, /^epp_streams_open 0$/m);
  }
  const reviews = cluster.server.seen.filter(({ path }) => path.endsWith("reviews")).map(({ method }) => method);
  assert.deepEqual(
    reviews,
    Array.from({ length: 5 }, () => "POST"),
    "one for a token of nobody, two for each other",
  );
  await cluster.server.kill();
  assert.equal((await get(url, "scraper")).status, 200);
  const unknown = await get(url, "human");
  assert.equal(unknown.status, 503);
  assert.match(unknown.text, /^Cannot check the token: the API server gave no answer/);
  await cluster.server.restart();
  assert.equal((await get(url, "human")).status, 200);
  assert.match((await get(url, "human")).text, /^epp_access_review_errors_total\{reason="connection"\} 1$/m);
  assert.ok(lines.some(({ message }) => /Cannot ask the API server who reads metrics/.test(message)));
  assert.doesNotMatch(JSON.stringify(lines), /scraper|made-up/, "no token is logged");
});

test("T42 reviews that RBAC forbids are named with what is missing", async (t) => {
  const cluster = await aCluster(t);
  cluster.setPool();
  cluster.server.forbidden.add("tokenreviews");
  const { picker, lines } = await startClusterPicker(t, cluster, { metricsAuth: true });
  const url = `http://127.0.0.1:${picker.metricsPort}/metrics`;
  const answers = [await get(url, "scraper"), await get(url, "scraper")];
  for (const { status, text } of answers) {
    assert.equal(status, 503);
    assert.equal(text, "Cannot check the token: the API server gave no answer (forbidden)\n");
  }
  const told = lines.filter(({ message }) => /create on tokenreviews and subjectaccessreviews/.test(message));
  assert.equal(told.length, 1);
});

test("T42 /debug/ is open to this machine, and to others by a token that may get that very page", {
  skip: outside === undefined && "this machine has no address but loopback",
}, async (t) => {
  const cluster = await aCluster(t);
  answerReviews(cluster);
  cluster.setPool();
  const { picker } = await startClusterPicker(t, cluster, { metricsAuth: true, host: "0.0.0.0" });
  const page = `:${picker.metricsPort}/debug/endpoints`;
  assert.equal((await get(`http://127.0.0.1${page}`)).status, 200);
  assert.equal((await get(`http://${outside}${page}`)).status, 401);
  assert.equal((await get(`http://${outside}${page}`, "scraper")).status, 403);
  assert.equal((await get(`http://${outside}${page}`, "human")).status, 200);
});

test("/healthz is the process, /readyz is health; neither asks for a token", async (t) => {
  const cluster = await aCluster(t);
  const { picker } = await startClusterPicker(t, cluster, { metricsAuth: true });
  const status = async (path: string): Promise<number> =>
    (await get(`http://127.0.0.1:${picker.metricsPort}${path}`)).status;
  assert.deepEqual([await status("/healthz"), await status("/readyz")], [200, 503]);
  cluster.setPool();
  await until("ready", async () => (await status("/readyz")) === 200);
  assert.equal(await status("/healthz"), 200);
});

/** Status of a page over TLS; an error when the handshake fails. */
function getOverTls(
  port: number,
  { token, ...pair }: { cert?: Buffer; key?: Buffer; token?: string },
): Promise<number | undefined> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: "127.0.0.1", port, path: "/metrics", rejectUnauthorized: false, headers, ...pair },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    asking.on("error", reject);
    asking.end();
  });
}

async function pairIn(
  t: TestContext,
): Promise<{ folder: string; clientCa: string; client: { cert: Buffer; key: Buffer } }> {
  const folder = aFolder(t);
  const [server, client] = [await createSelfSigned(Date.now()), await createSelfSigned(Date.now())];
  writeFileSync(join(folder, "tls.crt"), server.cert);
  writeFileSync(join(folder, "tls.key"), server.key);
  writeFileSync(join(folder, "ca.crt"), client.cert);
  return { folder, clientCa: join(folder, "ca.crt"), client };
}

test("G9 a metrics certificate and tokens: HTTPS for all, the page for those with a right", async (t) => {
  const cluster = await aCluster(t);
  answerReviews(cluster);
  cluster.setPool();
  const { folder: certDir } = await pairIn(t);
  const { picker } = await startClusterPicker(t, cluster, { metricsAuth: true, metricsTls: { certDir } });
  assert.equal(await getOverTls(picker.metricsPort, {}), 401);
  assert.equal(await getOverTls(picker.metricsPort, { token: "scraper" }), 200);
  await assert.rejects(fetch(`http://127.0.0.1:${picker.metricsPort}/metrics`));
});

test("G9 a metrics certificate, a client CA and tokens: all of them are asked for", async (t) => {
  const cluster = await aCluster(t);
  answerReviews(cluster);
  cluster.setPool();
  const { folder: certDir, clientCa: clientCaFile, client } = await pairIn(t);
  const metricsTls = { certDir, clientCaFile };
  const { picker } = await startClusterPicker(t, cluster, { metricsAuth: true, metricsTls });
  await assert.rejects(getOverTls(picker.metricsPort, { token: "scraper" }));
  assert.equal(await getOverTls(picker.metricsPort, client), 401);
  assert.equal(await getOverTls(picker.metricsPort, { ...client, token: "scraper" }), 200);
});

test("G9 a metrics certificate and a client CA without tokens: the certificate is enough", async (t) => {
  const cluster = await aCluster(t);
  cluster.setPool();
  const { folder: certDir, clientCa: clientCaFile, client } = await pairIn(t);
  const { picker } = await startClusterPicker(t, cluster, { metricsTls: { certDir, clientCaFile } });
  await assert.rejects(getOverTls(picker.metricsPort, {}));
  assert.equal(await getOverTls(picker.metricsPort, client), 200);
});
