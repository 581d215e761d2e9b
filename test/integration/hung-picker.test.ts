import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { aCluster, type TestCluster } from "../support/a-cluster.ts";
import { type ClusterProcess, startClusterProcess } from "../support/a-cluster-process.ts";
import { anEnvoy } from "../support/an-envoy.ts";
import { skipWithoutEnvoy as skip } from "../support/envoy.ts";
import { completion } from "../support/exchanges.ts";
import { startPodServers } from "../support/pod-servers.ts";
import { until } from "../support/until.ts";

/** A client gives up after this; everything here has to be answered before. */
const clientMs = 20_000;

/** Status of a completion, 0 when the client had to give up, or its answer was cut. */
async function complete(url: string, prompt = "hello"): Promise<number> {
  const signal = AbortSignal.timeout(clientMs);
  try {
    const answer = await fetch(`${url}/v1/completions`, { method: "POST", body: completion("m", prompt), signal });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}

/** Twenty requests at once. */
const many = (ask: () => Promise<number>): Promise<number[]> => Promise.all(Array.from({ length: 20 }, ask));

/** How often each status came, as `200: 10, 504: 10`. */
function tally(statuses: readonly number[]): string {
  const counts = new Map<number, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts]
    .toSorted(([a], [b]) => a - b)
    .map(([status, count]) => `${status}: ${count}`)
    .join(", ");
}

/** A pool of one pod that answers at once, or holds the answer to a prompt "hold" until `release`. */
async function aPool(t: TestContext) {
  const cluster: TestCluster = await aCluster(t);
  const servers = await startPodServers(t, ["127.0.0.1"]);
  const held: ServerResponse[] = [];
  servers.answerWith((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (Buffer.concat(chunks).includes('"hold"')) held.push(response);
      else response.end("{}");
    });
  });
  cluster.setPool({ ports: [servers.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  return { cluster, held };
}

async function envoyBefore(t: TestContext, pickers: readonly ClusterProcess[]) {
  const addresses = pickers.map(({ address }) => address);
  const routing = { kind: "picker", host: "original-dst", pickers: addresses, failOpen: false } as const;
  const { listener, admin } = await anEnvoy(t, routing, []);
  const clusters = async (): Promise<string> => (await fetch(`http://127.0.0.1:${admin.port}/clusters`)).text();
  /** Envoy's health check says so of the picker. */
  const isOut = async ({ address }: ClusterProcess): Promise<boolean> =>
    (await clusters()).includes(`:${address.port}::health_flags::/failed_active_hc`);
  const url = `http://127.0.0.1:${listener.port}`;
  await until(
    "health of every picker",
    async () => {
      const out = await Promise.all(pickers.map(isOut));
      return !out.includes(true) && (await complete(url)) === 200;
    },
    20_000,
  );
  return { url, isOut };
}

test("F39b the only picker hangs: every client gets an error, it is ejected, new requests fail at once; it is back when it goes on", {
  skip,
}, async (t) => {
  const { cluster, held } = await aPool(t);
  const picker = await startClusterProcess(t, cluster);
  const { url, isOut } = await envoyBefore(t, [picker]);
  const atPod = complete(url, "hold");
  await until("a request at the pod", () => held.length === 1);
  picker.child.kill("SIGSTOP");
  const waiting = many(() => complete(url));
  held[0]?.end("{}");
  assert.equal(tally(await waiting), "500: 20", "requests that wait for the decision");
  assert.equal(await atPod, 500, "a request whose answer waits for the picker");
  await until("the ejection", () => isOut(picker), 20_000);
  assert.equal(tally(await many(() => complete(url))), "500: 20", "nobody waits for a picker that is out");
  picker.child.kill("SIGCONT");
  await until("routing", async () => (await complete(url)) === 200, 20_000);
  assert.equal(tally(await many(() => complete(url))), "200: 20");
});

test("F39b one of two pickers hangs: its requests end with an error, the other serves the rest and then all", {
  skip,
}, async (t) => {
  const { cluster } = await aPool(t);
  const [hung, other] = await Promise.all([startClusterProcess(t, cluster), startClusterProcess(t, cluster)]);
  const { url, isOut } = await envoyBefore(t, [hung, other]);
  hung.child.kill("SIGSTOP");
  const sent = await many(() => complete(url));
  assert.deepEqual(new Set(sent), new Set([200, 500]), tally(sent));
  await until("the ejection", () => isOut(hung), 20_000);
  assert.equal(tally(await many(() => complete(url))), "200: 20");
  assert.equal(await isOut(other), false);
  hung.child.kill("SIGCONT");
  await until("the return", async () => !(await isOut(hung)), 20_000);
  assert.equal(tally(await many(() => complete(url))), "200: 20");
});

const openStreams = async (picker: ClusterProcess): Promise<number> => (await picker.sample("epp_streams_open")) ?? 0;

test("F39b a picker that stands still for 2 s, less than a ping may take, loses nothing: neither what it holds nor what comes", {
  skip,
}, async (t) => {
  const { cluster, held } = await aPool(t);
  const picker = await startClusterProcess(t, cluster);
  const { url, isOut } = await envoyBefore(t, [picker]);
  const atPod = many(() => complete(url, "hold"));
  await until("requests at the pod", () => held.length === 20);
  picker.child.kill("SIGSTOP");
  const waiting = many(() => complete(url));
  for (const response of held) response.end("{}");
  await pause(2000);
  picker.child.kill("SIGCONT");
  assert.equal(tally(await atPod), "200: 20", "requests whose answers waited for the picker");
  assert.equal(tally(await waiting), "200: 20", "requests that waited for the decision");
  assert.equal(await isOut(picker), false);
});

test("F39b of two pickers one stands still for 5 s: it loses the requests that it holds, and those alone", {
  skip,
}, async (t) => {
  const { cluster, held } = await aPool(t);
  const [hung, other] = await Promise.all([startClusterProcess(t, cluster), startClusterProcess(t, cluster)]);
  const { url, isOut } = await envoyBefore(t, [hung, other]);
  const atPod = many(() => complete(url, "hold"));
  await until("requests at the pod", () => held.length === 20);
  const [lost, kept] = [await openStreams(hung), await openStreams(other)];
  assert.ok(lost > 0 && lost + kept === 20, `${lost} and ${kept} streams`);
  hung.child.kill("SIGSTOP");
  const atLeast = pause(5000);
  await until("the ejection", () => isOut(hung));
  const later = many(() => complete(url));
  for (const response of held) response.end("{}");
  assert.equal(tally(await atPod), `200: ${kept}, 500: ${lost}`);
  assert.equal(tally(await later), "200: 20", "the other serves meanwhile");
  await atLeast;
  hung.child.kill("SIGCONT");
  await until("the return", async () => !(await isOut(hung)), 20_000);
  assert.equal(tally(await many(() => complete(url))), "200: 20");
  await until("no stream", async () => (await openStreams(hung)) + (await openStreams(other)) === 0);
});
