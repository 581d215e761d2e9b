import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { DeadlineSweep } from "../../src/scrape/deadline-sweep.ts";
import { PageFetcher } from "../../src/scrape/fetch.ts";
import { closedPort, startFakeModelServer, startRawServer } from "../support/fake-model-server.ts";

function fetcherOf(t: TestContext, port: number): { fetcher: PageFetcher; clock: VirtualClock } {
  const clock = new VirtualClock();
  const fetcher = new PageFetcher({ host: "127.0.0.1", port, sweep: new DeadlineSweep(clock), deadlineMs: 1000 });
  t.after(() => fetcher.close());
  return { fetcher, clock };
}

const asText = (page: Buffer): { kind: "page"; text: string } => ({ kind: "page", text: String(page) });

async function outcome(fetcher: PageFetcher): Promise<string> {
  const result = await fetcher.fetch(asText);
  return result.kind === "page" ? "page" : `${result.reason}: ${result.detail}`;
}

test("fetch gets whole pages over one kept connection and asks for plain text", async (t) => {
  const server = await startFakeModelServer(t, { waiting: 3 });
  const { fetcher } = fetcherOf(t, server.port);
  const asked = server.nextRequest();
  const result = await fetcher.fetch(asText);
  assert.ok(result.kind === "page" && result.text.includes("vllm:num_requests_waiting"));
  const { method, url, headers } = await asked;
  assert.deepEqual([method, url, headers["accept-encoding"]], ["GET", "/metrics", "identity"]);
  assert.match(headers.accept ?? "", /^text\/plain;version=0\.0\.4/);
  for (let i = 0; i < 5; i++) assert.equal(await outcome(fetcher), "page");
  assert.equal(server.connections(), 1);
});

test("fetch gives every page whole and with nothing of another, whatever their sizes", async (t) => {
  const servers = await Promise.all([1, 2, 3].map(() => startFakeModelServer(t)));
  const fetchers = servers.map(({ port }) => fetcherOf(t, port).fetcher);
  for (const size of [200_000, 10, 300_000, 1]) {
    const pages = servers.map((_, i) => `${i}`.repeat(size + i));
    servers.forEach((server, i) => server.answerWith((_, response) => response.end(pages[i])));
    const results = await Promise.all(fetchers.map((fetcher) => fetcher.fetch(asText)));
    assert.deepEqual(
      results,
      pages.map((text) => ({ kind: "page", text })),
    );
  }
});

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"));

test("fetch works over IPv6", { skip: !hasIpv6 && "this machine has no ::1" }, async (t) => {
  const answer = (socket: Socket): unknown => socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nup 1\n"));
  const port = await startRawServer(t, answer, "::1");
  const sweep = new DeadlineSweep(new VirtualClock());
  const fetcher = new PageFetcher({ host: "::1", port, sweep, deadlineMs: 1000 });
  t.after(() => fetcher.close());
  assert.equal(await outcome(fetcher), "page");
});

const answers: readonly { name: string; answer: RequestListener; want: RegExp; keepsConnection?: boolean }[] = [
  {
    name: "F9 a status of 500",
    answer: (_, response) => response.writeHead(500).end("vllm:num_requests_waiting 0\n"),
    want: /^status: status 500$/,
    keepsConnection: true,
  },
  { name: "F09 a status of 204", answer: (_, response) => response.writeHead(204).end(), want: /^status: status 204$/ },
  {
    name: "an error page without end",
    answer: (_, response) => endless(response.writeHead(404)),
    want: /^status: status 404$/,
  },
  {
    name: "F10 a compressed page, without inflating it",
    answer: (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("a".repeat(1e6))),
    want: /^encoding: content-encoding gzip$/,
  },
  {
    name: "stacked encodings",
    answer: (_, response) => response.writeHead(200, { "content-encoding": "gzip, ".repeat(50) }).end("x"),
    want: /^encoding: /,
  },
  {
    name: "F05 a page that announces too many bytes",
    answer: (_, response) => response.writeHead(200, { "content-length": 100e6 }).write("up 1\n"),
    want: /^too-large: content-length 100000000$/,
  },
  {
    name: "F05 a page without end",
    answer: (_, response) => endless(response.writeHead(200)),
    want: /^too-large: more than 4194304 bytes$/,
  },
  {
    name: "F11 a header block over the limit",
    answer: (_, response) => {
      for (let i = 0; i < 100; i++) response.setHeader(`x-${i}`, "a".repeat(1000));
      response.end("up 1\n");
    },
    want: /^too-large: /,
  },
  {
    name: "a page of another content type",
    answer: (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    want: /^malformed: content-type text\/html$/,
    keepsConnection: true,
  },
  {
    name: "F04 a page shorter than announced",
    answer: (_, response) => {
      response.writeHead(200, { "content-length": 100 }).write("vllm:num_requests_waiting 3\nvllm:num");
      setTimeout(() => response.destroy(), 5);
    },
    want: /^truncated: /,
  },
  {
    name: "F04 a chunked page that is cut",
    answer: (_, response) => {
      response.writeHead(200).write("vllm:num_requests_waiting 3\nvllm:num");
      setTimeout(() => response.destroy(), 5);
    },
    want: /^truncated: /,
  },
];
for (const { name, answer, want, keepsConnection = false } of answers) {
  test(`fetch refuses ${name}, then gets the next page`, async (t) => {
    const server = await startFakeModelServer(t);
    const { fetcher } = fetcherOf(t, server.port);
    server.answerWith(answer);
    assert.match(await outcome(fetcher), want);
    server.answerWith(undefined);
    assert.equal(await outcome(fetcher), "page");
    if (keepsConnection) assert.equal(server.connections(), 1);
  });
}

function endless(response: { write(text: string): boolean; once(event: "drain", then: () => void): unknown }): void {
  while (response.write("up 1\n".repeat(10_000)));
  response.once("drain", () => endless(response));
}

for (const status of [301, 302, 307, 308]) {
  test(`F08 fetch does not follow a ${status}`, async (t) => {
    const canary = await startFakeModelServer(t);
    const server = await startFakeModelServer(t);
    server.answerWith((_, response) => {
      response.writeHead(status, { location: `http://${canary.address}/metrics` }).end();
    });
    assert.equal(await outcome(fetcherOf(t, server.port).fetcher), `status: status ${status}`);
    assert.equal(canary.requests(), 0);
  });
}

test("fetch asks no proxy of the environment", async (t) => {
  const proxy = await startFakeModelServer(t);
  const server = await startFakeModelServer(t);
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  Object.assign(process.env, { HTTP_PROXY: `http://${proxy.address}`, http_proxy: `http://${proxy.address}` });
  assert.equal(await outcome(fetcherOf(t, server.port).fetcher), "page");
  assert.equal(proxy.connections(), 0);
});

test("fetch says when nobody listens", async (t) => {
  const { fetcher } = fetcherOf(t, await closedPort());
  assert.match(await outcome(fetcher), /^connect-refused: /);
});

const rawAnswers: readonly { name: string; answer: (socket: Socket) => void; want: RegExp }[] = [
  {
    name: "a reset instead of an answer",
    answer: (socket) => socket.once("data", () => socket.resetAndDestroy()),
    want: /^connect-reset: /,
  },
  {
    name: "an end instead of an answer",
    answer: (socket) => socket.once("data", () => socket.end()),
    want: /^connect-reset: /,
  },
  {
    name: "what is no HTTP",
    answer: (socket) => socket.once("data", () => socket.end("SSH-2.0-x\r\n")),
    want: /^malformed: /,
  },
  {
    name: "a page that ends with the connection inside a line",
    answer: (socket) =>
      socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nup 1\nvllm:num_requests_waiting 1")),
    want: /^truncated: the connection ended inside a line$/,
  },
  {
    name: "F04 chunks that end with the connection",
    answer: (socket) =>
      socket.once("data", () =>
        socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nup 1\n\r\n"),
      ),
    want: /^truncated: /,
  },
  {
    name: "F04 a length that is not reached before the connection ends",
    answer: (socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 50\r\n\r\nup 1\n")),
    want: /^truncated: /,
  },
  {
    name: "F11 a flood of interim responses",
    answer: (socket) => socket.once("data", () => socket.write("HTTP/1.1 102 Processing\r\n\r\n".repeat(50))),
    want: /^malformed: too many 1xx responses$/,
  },
];
for (const { name, answer, want } of rawAnswers) {
  test(`fetch refuses ${name}`, async (t) => {
    const port = await startRawServer(t, answer);
    assert.match(await outcome(fetcherOf(t, port).fetcher), want);
  });
}

test("fetch takes a page that ends with the connection after a line", async (t) => {
  const port = await startRawServer(t, (socket) => {
    socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nup 1\n"));
  });
  assert.equal(await outcome(fetcherOf(t, port).fetcher), "page");
});

test("F12 fetch tries once more when a kept connection turns out dead, not when a fresh one does", async (t) => {
  let accepted = 0;
  const page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nup 1\n";
  const port = await startRawServer(t, (socket) => {
    const isFresh = ++accepted > 2;
    let answered = false;
    socket.on("data", () => {
      if (answered || isFresh) socket.resetAndDestroy();
      else socket.write(page);
      answered = true;
    });
  });
  const { fetcher } = fetcherOf(t, port);
  assert.equal(await outcome(fetcher), "page");
  assert.equal(await outcome(fetcher), "page");
  assert.equal(accepted, 2);
  assert.match(await outcome(fetcher), /^connect-reset: /);
  assert.equal(accepted, 3);
  assert.match(await outcome(fetcher), /^connect-reset: /);
  assert.equal(accepted, 4);
});

test("F01 fetch gives up on a silent server at the deadline and starts anew on a fresh connection", async (t) => {
  const server = await startFakeModelServer(t);
  const { fetcher, clock } = fetcherOf(t, server.port);
  server.answerWith(() => {});
  const asked = server.nextRequest();
  const result = outcome(fetcher);
  await asked;
  clock.advance(975);
  server.answerWith(undefined);
  clock.advance(25);
  assert.equal(await result, "timeout: no whole page within 1000 ms");
  assert.equal(await outcome(fetcher), "page");
  assert.equal(server.connections(), 2);
});

test("F06 a trickle does not put off the deadline", async (t) => {
  const server = await startFakeModelServer(t);
  const { fetcher, clock } = fetcherOf(t, server.port);
  server.answerWith((_, response) => {
    response.writeHead(200).write("u");
    clock.advance(600);
    response.write("p");
    clock.advance(600);
  });
  assert.match(await outcome(fetcher), /^timeout: /);
});

test("fetch ends when closed", async (t) => {
  const server = await startFakeModelServer(t);
  const { fetcher } = fetcherOf(t, server.port);
  server.answerWith(() => {});
  const asked = server.nextRequest();
  const result = outcome(fetcher);
  await asked;
  await fetcher.close();
  assert.match(await result, /^other: /);
});
