import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import { test } from "node:test";
import { aGateway, type Gateway } from "../support/a-gateway.ts";
import { closedPort } from "../support/fake-model-server.ts";
import { skipWithoutEnvoy as skip } from "../support/envoy.ts";
import { completion } from "../support/exchanges.ts";

const sse = { "content-type": "text/event-stream" };

/** Sends a completion; resolves with the response's head. */
async function ask(
  gateway: Gateway,
  more: object = {},
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  const body = completion("base", "hi", more);
  const all = { "content-type": "application/json", ...headers };
  const request = httpRequest(`${gateway.url}/v1/completions`, { method: "POST", headers: all, agent: false });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

/** All of a response; "cut" at the end when it did not end as it should. */
async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const chunk of response) text += String(chunk);
    return text;
  } catch {
    return `${text}cut`;
  }
}

/** Sends pieces one after the other, each in a write of its own. */
async function sendPieces(response: ServerResponse, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    response.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("F58 T24 an endless event stream flows until the client has enough, and leaves nothing behind", {
  skip,
}, async (t) => {
  let sent = 0;
  const gateway = await aGateway(t, (_request, response) => {
    response.writeHead(200, sse);
    const more = (): void => {
      while (!response.destroyed && response.write(`data: ${sent++}\n\n`));
    };
    response.on("drain", more);
    more();
  });
  const response = await ask(gateway, { stream: true });
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > 2_000_000) break;
  }
  response.destroy();
  const want = Array.from({ length: sent }, (_, at) => `data: ${at}\n\n`).join("");
  assert.ok(want.startsWith(text), "the events came in order and whole");
  await gateway.quiet();
});

test("F58 a name cut by two chunks is restored, and bytes around it are not touched", { skip }, async (t) => {
  const gateway = await aGateway(t, (_request, response) => {
    response.writeHead(200, sse);
    const pieces = ['data: {"mod', 'el": "tar', 'get","text":"\\"model\\":\\"target\\""}\n', "\ndata: [DO", "NE]\n\n"];
    void sendPieces(response, pieces).then(() => response.end());
  });
  const response = await ask(gateway, { stream: true }, { "x-llm-d-model-name-rewrite": "target" });
  assert.equal(await textOf(response), 'data: {"model": "base","text":"\\"model\\":\\"target\\""}\n\ndata: [DONE]\n\n');
  await gateway.quiet();
});

test("F58 T24 a JSON answer of 64 MB comes whole", { skip }, async (t) => {
  const line = `{"text":"${"x".repeat(65_500)}"},\n`;
  const [lines, hash] = [1000, createHash("sha256")];
  for (let at = 0; at < lines; at++) hash.update(line);
  const gateway = await aGateway(t, (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    let left = lines;
    const more = (): void => {
      while (left > 0) if ((left--, !response.write(line))) return;
      response.end();
    };
    response.on("drain", more);
    more();
  });
  const came = createHash("sha256");
  let bytes = 0;
  for await (const chunk of await ask(gateway)) {
    came.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  assert.equal(bytes, line.length * lines);
  assert.ok(bytes > 64_000_000);
  assert.equal(came.digest("hex"), hash.digest("hex"));
  await gateway.quiet();
});

test("F58 a server that resets in the middle of an event stream: the client sees the cut, the books are clean", {
  skip,
}, async (t) => {
  const gateway = await aGateway(t, (_request, response) => {
    response.writeHead(200, sse);
    void sendPieces(response, ["data: 1\n\n", "data: 2\n\n"]).then(() => response.socket?.resetAndDestroy());
  });
  assert.equal(await textOf(await ask(gateway, { stream: true })), "data: 1\n\ndata: 2\n\ncut");
  await gateway.quiet();
});

test("F58 Envoy's own answer for a server that is gone passes, and is no answer of the picker's", {
  skip,
}, async (t) => {
  const gateway = await aGateway(t, (_request, response) => response.end());
  const [endpoint] = gateway.picker.picker.store.snapshot();
  assert.ok(endpoint);
  const port = await closedPort();
  gateway.picker.picker.store.reset([
    { ...endpoint, id: "default/gone", name: "gone", port, address: `127.0.0.1:${port}` },
  ]);
  const response = await ask(gateway);
  assert.equal(response.statusCode, 503);
  assert.equal(response.headers["x-llm-d-request-dropped-reason"], undefined);
  await textOf(response);
  await gateway.quiet();
});

test("F58 interim answers before the answer change nothing", { skip }, async (t) => {
  const gateway = await aGateway(t, (request, response) => {
    response.writeProcessing();
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    request.resume().on("end", () => response.end('{"text":"done"}'));
  });
  for (const headers of [{}, { expect: "100-continue" }]) {
    const response = await ask(gateway, {}, headers);
    assert.equal(response.statusCode, 200);
    assert.equal(await textOf(response), '{"text":"done"}');
  }
  await gateway.quiet();
});

test("F46 F58 a client that goes away in the middle of an event stream leaves nothing behind", { skip }, async (t) => {
  const gateway = await aGateway(t, (_request, response) => {
    response.writeHead(200, sse);
    response.write("data: 1\n\n");
  });
  const response = await ask(gateway, { stream: true });
  await once(response, "data");
  assert.equal(gateway.picker.picker.store.ledger.total, 1);
  response.destroy();
  await gateway.quiet();
  assert.doesNotMatch(await gateway.picker.metrics(), /ModelServerError/);
});
